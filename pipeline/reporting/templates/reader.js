// The side-by-side reader.
const at = (id) => document.getElementById(id);

// What html.py packed: base64 of deflated JSON.
async function unpacked(id) {
  const letters = atob(at(id).textContent);
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

if (!("DecompressionStream" in window)) at("position").textContent = "This browser is too old to show the examples.";
const { systems, examples } = await unpacked("examples");
const [search, order, first, second] = ["search", "order", "first", "second"].map(at);
let matching = [];
let position = 0;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// The text, with what `words` hold marked. Nodes are made, never HTML.
function marked(text, words) {
  const paragraph = element("p");
  paragraph.dir = "auto"; // right to left where the text is
  const patterns = words.filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!patterns.length) {
    paragraph.textContent = text;
    return paragraph;
  }
  for (const [number, part] of text.split(new RegExp(`(${patterns.join("|")})`, "i")).entries()) {
    paragraph.append(number % 2 ? element("mark", "", part) : part);
  }
  return paragraph;
}

function difference(example) {
  return example.outputs[first.value].score - example.outputs[second.value].score;
}

// All texts of an example in lower case, made at the first search; what parts them is typed by nobody.
function searched(one) {
  one.searched ??= [one.id, ...Object.values(one.fields), one.source, ...one.references,
    ...systems.map((name) => one.outputs[name].text)].join("\u0000").toLowerCase();
  return one.searched;
}

function choose() {
  const query = search.value.trim().toLowerCase();
  matching = examples.filter((one) => !query || searched(one).includes(query));
  const by = {
    apart: (one, other) => Math.abs(difference(other)) - Math.abs(difference(one)),
    better: (one, other) => difference(other) - difference(one),
    worse: (one, other) => difference(one) - difference(other),
  }[order.value];
  if (by) matching.sort(by);
  position = 0;
  show();
}

function block(title, note, text, className, words) {
  const made = element("div", `output ${className}`);
  const heading = element("h3", "", title);
  heading.append(element("span", "", note));
  made.append(heading, marked(text, words));
  return made;
}

function show() {
  const place = at("shown");
  place.replaceChildren();
  at("previous").disabled = position <= 0;
  at("next").disabled = position >= matching.length - 1;
  if (!matching.length) {
    at("position").textContent = "no match";
    place.append(element("p", "note", "No input or output contains this. Clear the search to see all."));
    return;
  }
  const one = matching[position];
  at("position").textContent = `${position + 1} of ${matching.length}: ${one.id}`;
  const words = [search.value.trim()];
  const beside = element("div", "beside");
  const left = element("div");
  for (const [name, value] of Object.entries(one.fields)) left.append(block(name, "", String(value), "field", words));
  const text = marked(one.source, words);
  text.className = "source";
  left.append(text);
  if (one.near) left.append(element("p", "note", `Near-duplicate of ${one.near} in train.`));
  const right = element("div");
  one.references.forEach((text, number) => right.append(block(`reference ${number + 1}`, "", text, "reference", words)));
  for (const name of systems) {
    const output = one.outputs[name];
    const chosen = order.value !== "file" && [first.value, second.value].includes(name) ? "chosen" : "";
    right.append(block(name, output.notes.join(" · "), output.text || "(empty)", chosen, words));
  }
  beside.append(left, right);
  place.append(beside);
}

function step(by) {
  const next = position + by;
  if (next >= 0 && next < matching.length) {
    position = next;
    show();
  }
}

for (const select of [first, second]) {
  for (const name of systems) select.append(new Option(name, name));
}
first.value = systems.at(-1);
second.value = systems.at(-2) ?? systems.at(-1);
for (const control of [search, order, first, second]) control.addEventListener("input", choose);
at("previous").addEventListener("click", () => step(-1));
at("next").addEventListener("click", () => step(1));
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select");
  if (event.key === "Escape" && typing) {
    event.preventDefault();
    event.target.blur();
    if (search.value) {
      search.value = "";
      choose();
    }
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const scrolling = event.target.closest(".scroll"); // arrows scroll a table that has the focus
  if (event.key === "j" || (event.key === "ArrowRight" && !scrolling)) step(1);
  if (event.key === "k" || (event.key === "ArrowLeft" && !scrolling)) step(-1);
  if (event.key === "/") {
    event.preventDefault();
    search.focus();
  }
});
choose();
