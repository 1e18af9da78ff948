// Draws the API's description as a page. Everything comes from /openapi.json of the
// same daemon; texts are put in as text, never as markup.
"use strict";

let spec;

// make gives an element: its class, and its children (elements or texts).
function make(tag, cls, ...children) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

function link(to, text) {
  const a = make("a", "", text);
  a.href = to;
  return a;
}

// inline reads the little Markdown that the texts have: `code` and **bold**.
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return make("code", "", part.slice(1, -1));
    if (part.startsWith("**")) return make("strong", "", part.slice(2, -2));
    return part;
  });
}

function prose(text) {
  return (text || "").split(/\n\n+/).filter(Boolean).map((p) => make("p", "", ...inline(p)));
}

const nameOf = (ref) => ref.split("/").pop();
const resolve = (s) => (s && s.$ref ? spec.components.schemas[nameOf(s.$ref)] : s) || {};
const listOf = (t) => [].concat(t || []).filter((x) => x !== "null");

// typeOf names a schema's type, with links to what is described further down.
function typeOf(s) {
  if (!s) return make("span", "type", "nothing");
  if (s.$ref) return make("span", "type", link("#schema-" + nameOf(s.$ref), nameOf(s.$ref)));
  const kind = listOf(s.type)[0];
  if (kind === "array") return make("span", "type", "list of ", ...typeOf(s.items).childNodes);
  if (kind === "object" && s.additionalProperties && s.additionalProperties !== true) {
    return make("span", "type", "names to ", ...typeOf(s.additionalProperties).childNodes);
  }
  let text = kind || "any";
  if (s.format === "date-time") text = "time";
  return make("span", "type", text);
}

// bounds says what a value may be.
function bounds(s) {
  const inner = listOf(s.type)[0] === "array" && s.items ? s.items : s;
  const out = [];
  if (inner.enum) out.push("one of: " + inner.enum.join(", "));
  if (s.default !== undefined) out.push("otherwise " + JSON.stringify(s.default));
  if (s.minimum !== undefined) out.push("at least " + s.minimum);
  if (s.maximum !== undefined) out.push("at most " + s.maximum);
  if (s.maxLength !== undefined) out.push("up to " + s.maxLength + " characters");
  return out.length ? make("span", "words", out.join("; ")) : null;
}

function row(name, schema, text, must) {
  const r = make("tr", "");
  r.append(
    make("td", "", make("span", "name", name), must ? make("span", "must", "required") : null, typeOf(schema)),
    make("td", "", ...inline(text || schema.description || ""), bounds(schema)),
  );
  return r;
}

function properties(schema) {
  const t = make("table", "");
  for (const [name, p] of Object.entries(schema.properties || {})) {
    if (name !== "$schema") t.append(row(name, p, p.description, (schema.required || []).includes(name)));
  }
  return t;
}

// example makes a value as the schema has it.
function example(schema, depth = 0) {
  const s = resolve(schema);
  if (schema && schema.examples) return schema.examples[0];
  if (s.examples) return s.examples[0];
  if (s.enum) return s.enum[0];
  switch (listOf(s.type)[0]) {
    case "object": {
      const out = {};
      if (depth > 3) return out;
      if (s.additionalProperties && s.additionalProperties !== true) out["…"] = example(s.additionalProperties, depth + 1);
      for (const [name, p] of Object.entries(s.properties || {})) {
        const must = (s.required || []).includes(name);
        const v = example(p, depth + 1);
        if (must || (p.examples && depth < 3)) out[name] = v;
      }
      return out;
    }
    case "array":
      return depth > 3 ? [] : [example(s.items, depth + 1)];
    case "integer":
    case "number":
      return s.minimum || 0;
    case "boolean":
      return true;
    case "string":
      return s.format === "date-time" ? "2026-01-31T08:15:00Z" : "";
  }
  return {};
}

function snippet(text) {
  const button = make("button", "", "copy");
  button.type = "button";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      button.textContent = "select it by hand";
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return make("div", "snippet", make("pre", "", make("code", "", text)), button);
}

// shown is an example, short enough to be read.
function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

const quote = (s) => "'" + s.replaceAll("'", "'\\''") + "'";

// curl gives the line that tries an operation.
function curl(method, path, op) {
  const open = op.security && op.security.length === 0;
  const types = Object.keys((op.responses["200"] || {}).content || {});
  const parts = ["curl" + (types.includes("text/event-stream") ? " -N" : "")];
  if (method !== "get" && method !== "post") parts.push("-X " + method.toUpperCase());
  if (!open) parts.push('-H "Authorization: Bearer $TOKEN"');
  const body = op.requestBody && op.requestBody.content["application/json"];
  if (body) {
    parts.push("-H 'Content-Type: application/json'");
    parts.push("-d " + quote(JSON.stringify(example(body.schema))));
  } else if (method === "post") {
    parts.push("-X POST");
  }
  let at = path;
  const query = [];
  for (const p of op.parameters || []) {
    const value = p.example !== undefined ? p.example : p.schema && p.schema.examples ? p.schema.examples[0] : undefined;
    if (p.in === "path") at = at.replace("{" + p.name + "}", value === undefined ? p.name.toUpperCase() : String(value));
    else if (p.in === "query" && value !== undefined && query.length < 2) query.push(p.name + "=" + encodeURIComponent([].concat(value).join(",")));
  }
  parts.push(quote(location.origin + at + (query.length ? "?" + query.join("&") : "")));
  const joined = parts.join(" ");
  return joined.length < 56 ? joined : parts.join(" \\\n  ");
}

function parametersOf(op) {
  const out = [];
  for (const [where, title] of [["path", "In the path"], ["query", "In the query"], ["header", "Headers"]]) {
    const list = (op.parameters || []).filter((p) => p.in === where);
    if (!list.length) continue;
    const t = make("table", "");
    for (const p of list) t.append(row(p.name, p.schema || {}, p.description, p.required));
    out.push(make("h4", "", title), t);
  }
  return out;
}

// responsesOf shows the good answers; the problems, which are much alike, only to
// who wants to see them.
function responsesOf(op) {
  const good = make("table", ""), bad = make("table", "");
  const statuses = [];
  for (const [status, r] of Object.entries(op.responses).sort()) {
    const kinds = Object.entries(r.content || {}).map(([kind, m]) => make("span", "words", kind + ": ", ...typeOf(m.schema).childNodes));
    const fine = status < "400";
    if (!fine) statuses.push(status);
    (fine ? good : bad).append(make("tr", "",
      make("td", "", make("span", "status " + (fine ? "good" : "bad"), status)),
      make("td", "", ...inline(r.description || ""), ...(fine ? kinds : []))));
  }
  return make("div", "", good, make("details", "", make("summary", "", "Problems: " + statuses.join(", ")), bad));
}

// words are what an operation is found by.
function words(path, method, op) {
  return [path, method, op.operationId, op.summary, op.description, ...(op.parameters || []).map((p) => p.name), ...Object.keys(op.responses)].join(" ").toLowerCase();
}

function operation(path, method, op) {
  const e = make("article", "operation");
  e.id = op.operationId;
  e.dataset.words = words(path, method, op);
  const open = op.security && op.security.length === 0;
  const text = make("div", "", ...prose(op.description), ...parametersOf(op));
  const body = op.requestBody && op.requestBody.content["application/json"];
  if (body) text.append(make("h4", "", "Body ", typeOf(body.schema)), properties(resolve(body.schema)));
  text.append(make("h4", "", "Answers"), responsesOf(op));
  const side = make("div", "try", make("h4", "", "Try it"), snippet(curl(method, path, op)));
  for (const [status, r] of Object.entries(op.responses)) {
    for (const [kind, m] of Object.entries(r.content || {})) {
      if (status >= "400" || !m.schema || kind === "text/plain" || kind === "text/html") continue;
      const value = example(m.schema);
      const shape = kind === "text/event-stream" ? "event: …\nid: …\ndata: " + JSON.stringify(value) : kind.endsWith("ndjson") ? JSON.stringify(value) : shown(value);
      side.append(make("h4", "", status + " ", make("span", "small", kind)), snippet(shape));
    }
  }
  e.append(
    make("h3", "", op.summary, open ? make("span", "open", "no log-in") : null),
    make("p", "line", make("span", "verb " + method, method.toUpperCase()), make("span", "path", path)),
    text, side,
  );
  return e;
}

function draw() {
  document.title = spec.info.title;
  document.getElementById("version").textContent = "version " + spec.info.version;
  const top = document.getElementById("top");
  top.replaceChildren(make("h2", "", spec.info.title), ...prose(spec.info.description));
  const contents = document.getElementById("contents");
  const main = document.getElementById("operations");
  for (const tag of spec.tags) {
    const group = make("section", "group", make("header", "", make("h2", "", tag.name), ...prose(tag.description)));
    const list = make("ul", "");
    for (const [path, methods] of Object.entries(spec.paths).sort()) {
      for (const method of ["get", "post", "put", "patch", "delete"]) {
        const op = methods[method];
        if (!op || !(op.tags || []).includes(tag.name)) continue;
        group.append(operation(path, method, op));
        const item = make("li", "", link("#" + op.operationId, op.summary));
        item.dataset.of = op.operationId;
        list.append(item);
      }
    }
    if (!list.children.length) continue;
    contents.append(make("div", "", make("h2", "", tag.name), list));
    main.append(group);
  }
  const schemas = document.getElementById("schemas");
  schemas.hidden = false;
  for (const [name, s] of Object.entries(spec.components.schemas).sort()) {
    const e = make("article", "schema", make("h3", "", name), ...prose(s.description), properties(s));
    e.id = "schema-" + name;
    schemas.append(e);
  }
  contents.append(make("div", "", make("h2", "", "Types"), make("ul", "", make("li", "", link("#schemas", "Schemas")))));
}

// find leaves what the words are in.
function find(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const e of document.querySelectorAll(".operation")) {
    e.hidden = !wanted.every((w) => e.dataset.words.includes(w));
  }
  for (const item of document.querySelectorAll("nav li[data-of]")) item.hidden = document.getElementById(item.dataset.of).hidden;
  for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector(".operation:not([hidden])");
  for (const part of document.querySelectorAll("#contents > div")) part.hidden = !part.querySelector("li:not([hidden])");
  document.getElementById("schemas").hidden = wanted.length > 0;
  document.getElementById("top").hidden = wanted.length > 0;
}

// current shows in the contents where one is.
function current() {
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const a of document.querySelectorAll("nav li a[aria-current]")) a.removeAttribute("aria-current");
      const a = document.querySelector('nav li a[href="#' + entry.target.id + '"]');
      if (a) a.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -75% 0px" });
  for (const e of document.querySelectorAll(".operation")) seen.observe(e);
}

async function main() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(answer.status + " " + answer.statusText);
  spec = await answer.json();
  draw();
  current();
  document.getElementById("find").addEventListener("input", (e) => find(e.target.value));
  const at = location.hash && document.getElementById(location.hash.slice(1));
  if (at) at.scrollIntoView({ behavior: "instant" });
}

main().catch((why) => {
  document.getElementById("top").replaceChildren(make("p", "", "The description cannot be shown: " + why.message));
});
