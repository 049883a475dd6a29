// Reads an AsyncAPI document with AsyncAPI's own parser. A document that it finds an error or a warning in is refused, but
// for the remark that there is a newer version of AsyncAPI.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

const WARNING = 1;

async function main(file) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const found = diagnostics.filter(({ severity }) => severity <= WARNING);
  for (const { code, path, message } of found) {
    console.error(`${file}: ${path.join(".")}: ${message} (${code})`);
  }
  if (found.length > 0 || document === undefined) {
    process.exit(1);
  }
  console.log(`${file}: OK, ${document.operations().length} operations`);
}

main(process.argv[2]);
