// Asks the Khronos validator about each file named; one line of JSON a file.
const fs = require("node:fs");
const validator = require("gltf-validator");

const EVERYTHING = 100000;
const ERROR = 0;

async function validate(file) {
  const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), {
    maxIssues: EVERYTHING,
    externalResourceFunction: () => Promise.reject(new Error("nothing outside is read")),
  });
  const errors = report.issues.messages.filter((message) => message.severity === ERROR);
  return { file, errors: errors.map(({ code, pointer, message }) => ({ code, pointer, message })) };
}

async function main() {
  for (const file of process.argv.slice(2)) {
    const answer = await validate(file).catch((error) => ({
      file,
      errors: [{ code: "UNREADABLE", pointer: "", message: String(error) }],
    }));
    console.log(JSON.stringify(answer));
  }
}

main();
