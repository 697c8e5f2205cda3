// The quick starts of the product's rows 1 to 3, 6, 7 and 11 with the official JavaScript client. Base URL in argv[2].
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const ai = new OpenAI({ baseURL: process.argv[2], apiKey: "test", maxRetries: 0 });
const auto = { type: "code_interpreter", container: { type: "auto" } };
const include = ["code_interpreter_call.outputs"];
const program = (code) => "Run this:\n```python\n" + code + "\n```";
const call = (response) => response.output.find((item) => item.type === "code_interpreter_call");

const steps = {
  async "row 1: an auto container"() {
    const response = await ai.responses.create({
      model: "program",
      instructions: "Run it.",
      input: program("print(6 * 7)"),
      tools: [auto],
      tool_choice: "required",
      include,
    });
    assert.equal(call(response).outputs[0].logs, "42\n");
    assert.match(call(response).container_id, /^cntr_[0-9a-f]{48}$/);
  },

  async "row 2: files, memory and the container in context"() {
    const file = await ai.files.create({ file: await toFile(Buffer.from("a,b\n1,2\n"), "in.csv"), purpose: "user_data" });
    const container = { type: "auto", file_ids: [file.id], memory_limit: "1g" };
    const first = await ai.responses.create({
      model: "program",
      input: program("text = open('/mnt/data/in.csv').read()"),
      tools: [{ type: "code_interpreter", container }],
    });
    const second = await ai.responses.create({
      model: "program",
      input: program("print(text)"),
      previous_response_id: first.id,
      tools: [auto],
      include,
    });
    assert.equal(call(second).container_id, call(first).container_id);
    assert.equal(call(second).outputs[0].logs, "a,b\n1,2\n\n");
  },

  async "row 3: an explicit container, its files and their contents"() {
    const container = await ai.containers.create({ name: "js", memory_limit: "1g" });
    await ai.containers.files.create(container.id, { file: await toFile(Buffer.from("x"), "in.txt") });
    const response = await ai.responses.create({
      model: "program",
      input: program("open('/mnt/data/out.txt', 'w').write(open('in.txt').read() * 3)"),
      tools: [{ type: "code_interpreter", container: container.id }],
    });
    const message = response.output.find((item) => item.type === "message");
    const [citation] = message.content[0].annotations;
    const { text } = message.content[0];
    assert.equal(text.slice(citation.start_index, citation.end_index), "sandbox:/mnt/data/out.txt");
    const content = await ai.containers.files.content.retrieve(citation.file_id, { container_id: container.id });
    assert.equal(await content.text(), "xxx");
    const paths = [];
    for await (const file of ai.containers.files.list(container.id, { limit: 1 })) paths.push(file.path);
    assert.deepEqual(paths.sort(), ["/mnt/data/in.txt", "/mnt/data/out.txt"]);
    await ai.containers.delete(container.id);
    await assert.rejects(ai.containers.retrieve(container.id), OpenAI.NotFoundError);
  },

  async "row 11: the stream helper"() {
    const types = [];
    const stream = ai.responses.stream({ model: "program", input: program("print('streamed')"), tools: [auto], include });
    for await (const event of stream) types.push(event.type);
    const final = await stream.finalResponse();
    assert.equal(types[0], "response.created");
    assert.equal(types.at(-1), "response.completed");
    assert.ok(types.includes("response.code_interpreter_call_code.delta"));
    assert.equal(call(final).outputs[0].logs, "streamed\n");
  },

  async "errors carry status, code and param"() {
    const tools = [{ type: "code_interpreter" }];
    await assert.rejects(ai.responses.create({ model: "program", input: "x", tools }), (error) => {
      assert.equal(error.status, 400);
      assert.equal(error.code, "missing_required_parameter");
      assert.equal(error.param, "tools[0].container");
      return error instanceof OpenAI.BadRequestError;
    });
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(`ok ${name}`);
}
