// The API's description, /openapi.json, as a page.

import { get } from "./server.js";

const about = document.getElementById("about");
const schema = await get("openapi.json").then(
  (answer) => answer.json(),
  (problem) => {
    about.textContent = `${problem.message} ${problem.remedy ?? ""}`;
    throw problem;
  },
);
const $ = (id) => document.getElementById(id);

function element(tag, text = "", children = []) {
  const made = document.createElement(tag);
  made.append(...String(text).split("`").map((part, k) => (k % 2 ? element("code", part.replaceAll("`", "")) : part)));
  made.append(...children);
  return made;
}

function resolved(node) {
  if (!node.$ref) return node;
  return { ...schema.components.schemas[node.$ref.split("/").pop()], ...node };
}

function typeOf(node) {
  const { type, enum: choices, minimum, maximum, items, default: usual } = resolved(node);
  const range = choices ? choices.join(" | ") : minimum === undefined ? "" : `${minimum} to ${maximum}`;
  const kind = type === "array" && items ? `list of ${[].concat(resolved(items).type).join(" or ")}s` : [].concat(type).join(" or ");
  return [range || kind, usual === undefined ? "" : `default ${usual}`].filter(Boolean).join("; ");
}

function table(head, rows) {
  const line = (tag, cells) => element("tr", "", cells.map((cell) => element(tag, cell)));
  const body = element("tbody", "", rows.map((cells) => line("td", cells)));
  return element("table", "", [element("thead", "", [line("th", head)]), body]);
}

function fieldsOf(node) {
  return Object.entries(resolved(node).properties ?? {}).map(([name, field]) => {
    return ["`" + name + "`", typeOf(field), resolved(field).description ?? ""];
  });
}

function operation(path, method, { summary, parameters = [], requestBody, responses }) {
  const title = element("h2", `\`${method.toUpperCase()} ${path}\``);
  title.id = path.replaceAll("/", "-");
  const parts = [title, element("p", `${summary}.`)];
  const body = requestBody?.content["multipart/form-data"].schema;
  const asked = body ? fieldsOf(body) : parameters.map((one) => ["`" + one.name + "`", typeOf(one.schema), one.description]);
  if (asked.length) parts.push(element("h3", "Fields"), table(["Name", "Values", "Meaning"], asked));
  const answers = Object.entries(responses["200"].content);
  for (const [kind, { schema: answer }] of answers) {
    const rows = fieldsOf(answer);
    parts.push(element("h3", `Answer: ${kind}`));
    parts.push(rows.length ? table(["Name", "Values", "Meaning"], rows) : element("p", responses["200"].description));
  }
  return parts;
}

const all = Object.entries(schema.paths).flatMap(([path, methods]) => {
  return Object.entries(methods).map(([method, described]) => [path, method, described]);
});
about.append(...element("p", schema.info.description).childNodes);
$("example").textContent = `curl -F photo=@me.jpg -F to=happiness -F strength=0.8 ${location.origin}/v1/edit -o happy.jpg`;
for (const one of all) $("operations").append(...operation(...one));
$("contents").append(
  ...all.map(([path]) => Object.assign(element("a", path), { href: `#${path.replaceAll("/", "-")}` })),
);
const errors = Object.entries(schema.paths["/v1/edit"].post.responses).filter(([status]) => status !== "200");
for (const [status, { description }] of errors) {
  $("errors").tBodies[0].append(element("tr", "", [element("td", status), element("td", description)]));
}
