"use strict";
// The page of `bk7238 view`: it shows what the server tells, and asks for what is clicked. All text is shown as text.

const $ = (id) => document.getElementById(id);
const KINDS = ["beacon", "probe", "authentication", "association", "deauthentication", "handshake", "data", "null", "control", "other"];
const LETTERS = { e: "erased", c: "CRCs right", x: "a CRC wrong", w: "written", "": "not known" };
const FOLLOWS = "Another page has the controls; this one follows.";
const GOOD = ["new-app-runs", "back"];
const CONSOLE = 200000; // characters that are kept of a console
const WRITING = 250000; // microseconds for which a sector is shown as being written
const COLOURS = /\x1b\[[0-9;]*[A-Za-z]/g;

let about = {}, news = { end: 0, cursor: 0 }, sights = [], socket, dragging = null, waiting = false, pin = null, shown = {};

function element(name, properties, ...children) {
  const { attributes = {}, ...own } = properties || {}, made = Object.assign(document.createElement(name), own);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const seconds = (time, digits = 3) => (time / 1e6).toFixed(digits) + " s";
const hex = (number, digits = 8) => "0x" + (number >>> 0).toString(16).padStart(digits, "0");
const kilobytes = (bytes) => (bytes / 1024).toLocaleString("en") + " KiB";

// Draws a part of the page only where what it shows has changed: what has the focus keeps it.
function changed(name, value) {
  const text = JSON.stringify(value);
  if (shown[name] === text) return false;
  shown[name] = text;
  return true;
}

// The connection

function connect() {
  socket = new WebSocket(new URL("live", location.href).href.replace(/^http/, "ws"));
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = () => {
    say("The server has gone: run `bk7238 view` again, and open the address that it prints.", true);
    document.body.dataset.state = "gone";
    for (const one of document.querySelectorAll("button, input, select")) if (!one.closest("dialog")) one.disabled = true;
  };
}

function ask(what, more) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ do: what, ...more }));
}

function say(text, refused) {
  $("message").hidden = !text;
  $("message").textContent = text;
  $("message").classList.toggle("refused", Boolean(refused));
}

function take(told) {
  if (told.introduction) return introduce(told.introduction);
  if (told.refused) { waiting = false; return say(told.refused, true); }
  if (told.answer) return answered(told.to, told.answer);
  const first = told.sights[0];
  if (told.history !== news.history) sights = sights.slice(0, first);
  sights.length = Math.min(sights.length, first);
  for (const sight of told.sights[1]) sights.push(sight);
  delete told.sights;
  news = { ...told, controls: about.live && told.controls };
  show();
}

function answered(to, answer) {
  if (to === "goto" || to === "why") waiting = false;
  if (to === "goto" && dragging !== null) go(dragging);
  if (answer.said) say(answer.said);
  else if (!["dissect", "watch", "digest"].includes(to)) say("");
  if (answer.dissected) open("A frame", answer.dissected);
  if (answer.text) open(answer.file, answer.text, answer.file);
}

function open(title, text, file) {
  $("dialog-title").textContent = title;
  $("dialog-text").textContent = text;
  const link = $("download");
  link.hidden = !file;
  if (file) {
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob([text], { type: "text/x-python" }));
    link.download = file;
  }
  $("dialog").showModal();
}

// What does not change

function introduce(told) {
  about = told;
  document.title = "bk7238 view: " + told.image;
  $("what").textContent = [told.image, told.package && "← " + told.package, told.settings.join(" "), told.chip].filter(Boolean).join("  ");
  for (const one of document.querySelectorAll("[data-live]")) one.hidden = !told.live;
  $("scrubber").disabled = !told.can_go_back;
  $("block").replaceChildren(new Option("none", ""), ...told.blocks.map((name) => new Option(name, name)));
  $("block").closest("section").hidden = !told.blocks.length;
  const groups = new Map();
  for (const kind of told.faults) {
    if (!groups.has(kind.section)) groups.set(kind.section, element("optgroup", { label: kind.section }));
    groups.get(kind.section).append(new Option(kind.name, kind.name));
  }
  $("kind").replaceChildren(...groups.values());
  $("kind").value = "network-stall";
  $("shape").replaceChildren(...told.shapes.map((name) => new Option(name, name)));
  chooseFault();
  drawPartitions();
}

function drawPartitions() {
  const parts = [], sectors = Math.ceil(about.flash_size / about.sector);
  let at = 0;
  const add = (name, first, last, start, end) => parts.push({ name, first, last, start, end });
  for (const one of about.partitions) {
    const first = Math.max(at, Math.floor(one.start / about.sector)), last = Math.min(sectors, Math.ceil(one.end / about.sector));
    if (first > at) add("(no partition)", at, first, at * about.sector, first * about.sector);
    if (last > first) add(one.name, first, last, one.start, one.end);
    at = Math.max(at, last);
  }
  if (at < sectors) add("(no partition)", at, sectors, at * about.sector, about.flash_size);
  about.parts = parts;
  about.cells = new Array(sectors);
  about.letters = new Array(sectors).fill("");
  $("flash").replaceChildren(...parts.map((part) => {
    const cells = element("div", { className: "cells", attributes: { role: "img" } });
    for (let sector = part.first; sector < part.last; sector++) {
      const cell = about.cells[sector] = element("i");
      cells.append(cell);
    }
    part.cells = cells;
    return element("div", { className: "partition" },
      element("h3", {}, part.name, element("small", {}, `${hex(part.start, 6)}–${hex(part.end, 6)}`)), cells);
  }));
}

// What the device does

function show() {
  const status = news.status;
  const controls = news.controls;
  $("run").textContent = news.running ? "Pause" : "Run";
  document.body.dataset.state = news.running ? "running" : "paused";
  if (document.activeElement !== $("speed")) $("speed").value = String(news.speed);
  document.body.dataset.now = status.now;
  document.body.dataset.history = news.history;
  for (const one of document.querySelectorAll("[data-live], [data-hands]"))
    for (const field of one.matches("button") ? [one] : one.querySelectorAll("button, input, select")) field.disabled = !controls;
  $("why").disabled = !controls || status.judged_at === null;
  $("debug").textContent = news.gdb ? "Stop debugging" : "Debug here";
  $("debug").disabled = $("save").disabled = !controls || !about.can_go_back;
  if (!controls && about.live) say(FOLLOWS);
  else if ($("message").textContent === FOLLOWS) say("");
  $("clock").textContent = seconds(status.now, 6);
  showVerdict(status);
  showTimeline(status);
  showConsoles();
  showUpdate(status);
  showFlash();
  showAir();
  showNetwork(status);
  showFaults(status);
  showThings(status);
  showPins(status);
  showRegisters();
}

function showVerdict(status) {
  const chip = $("verdict");
  const verdict = status.verdict && status.verdict.verdict;
  chip.textContent = verdict || (news.gdb ? "debugger on " + news.gdb : !status.powered ? "without power" : news.running ? "running" : "paused");
  chip.className = "chip " + (verdict ? (GOOD.includes(verdict) ? "good" : "bad") : news.running ? "going" : "");
  chip.dataset.digest = (status.verdict && status.verdict.digest) || "";
}

function showTimeline(status) {
  const scrubber = $("scrubber"), end = Math.max(news.end, 1);
  scrubber.max = news.end;
  scrubber.disabled = !about.can_go_back || (about.live && !news.controls);
  if (dragging === null) scrubber.value = status.now;
  scrubber.setAttribute("aria-valuetext", `${seconds(status.now)} of ${seconds(news.end)}`);
  const here = news.histories.find((one) => one.number === news.history);
  const phases = sights.filter(([kind, , name]) => kind === "phase" && name !== "done");
  if (changed("marks", [news.history, phases.length, end, news.firings, here.deeds, status.judged_at])) {
    const at = (time) => (100 * Math.min(time, end)) / end + "%";
    const marks = phases.map(([, begin, name], place) => {
      const span = element("span", {}, name), over = place + 1 < phases.length ? phases[place + 1][1] : end;
      span.style.left = at(begin);
      span.style.right = 100 - (100 * Math.min(over, end)) / end + "%";
      return span;
    });
    const times = [...news.firings, ...here.deeds];
    for (const [time, title] of times) {
      const mark = element("i", { title });
      mark.style.left = at(time);
      marks.push(mark);
    }
    if (status.judged_at !== null) {
      const mark = element("i", { className: "judged", title: "the verdict" });
      mark.style.left = `calc(${at(status.judged_at)} - 3px)`;
      marks.push(mark);
    }
    $("marks").replaceChildren(...marks);
  }
  if (changed("histories", [news.histories.map(({ end: _, ...one }) => one), news.history, news.controls]))
    $("histories").replaceChildren(...(news.histories.length < 2 ? [] : news.histories).map((one) => {
      const what = one.deeds.length ? one.deeds.map(([, text]) => text).join(", ") : one.parent === null ? "as it was" : one.faults.join(", ");
      const text = `${one.number}${one.parent === null ? "" : ` from ${one.parent} at ${seconds(one.fork)}`}: ${what || "another way"}${one.verdict ? " → " + one.verdict : ""}`;
      const button = element("button", { disabled: !news.controls, attributes: { "aria-pressed": one.number === news.history } }, text);
      button.onclick = () => { const known = news.histories.find((other) => other.number === one.number); go(known.end, one.number); };
      return button;
    }));
}

function showConsoles() {
  for (const place of [0, 1]) {
    const [first, text] = news.consoles[place], panel = $("uart" + (place + 1));
    if (first && !text) continue;
    const low = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 40;
    const clean = text.replace(COLOURS, "").replace(/\r/g, "");
    if (first) panel.append(clean);
    else if (panel.textContent !== clean) panel.textContent = clean;
    if (panel.textContent.length > CONSOLE) panel.textContent = panel.textContent.slice(-CONSOLE / 2);
    if (low || !first) panel.scrollTop = panel.scrollHeight;
  }
}

function known() { return sights.slice(0, news.cursor); }

function showUpdate(status) {
  if (changed("phases", status.phases))
    $("phases").replaceChildren(...status.phases.map(([name, begin, over]) => element("li",
      { className: over === null ? "now" : "over", title: over === null ? `since ${seconds(begin)}` : `${seconds(begin)} to ${seconds(over)}` }, name)));
  $("reason").textContent = status.verdict ? status.verdict.reason : status.dead_end;
  const story = known().filter(([kind]) => kind === "story");
  if (changed("story", [news.history, story.length])) {
    const list = $("story");
    list.replaceChildren(...story.slice(-200).map(([, time, text]) => element("li", {}, element("time", {}, seconds(time)), element("span", {}, text))));
    list.scrollTop = list.scrollHeight;
  }
}

// The flash

let writing = new Set();

function showFlash() {
  for (const [sector, letter] of Object.entries(news.flash)) {
    about.letters[sector] = letter;
    about.cells[sector].className = letter;
    about.cells[sector].title = `${hex(sector * about.sector, 6)}: ${LETTERS[letter]}`;
  }
  const now = new Set();
  for (let at = news.cursor - 1; at >= 0 && sights[at] && sights[at][1] >= news.status.now - WRITING; at--) {
    const [kind, , , address, length] = sights[at];
    if (kind !== "flash") continue;
    for (let sector = Math.floor(address / about.sector); sector * about.sector < address + length; sector++) now.add(sector);
  }
  for (const sector of writing) if (!now.has(sector) && about.cells[sector]) about.cells[sector].classList.remove("now");
  for (const sector of now) if (about.cells[sector]) about.cells[sector].classList.add("now");
  writing = now;
  if (!changed("flash", [Object.keys(news.flash).length && news.status.operations, about.letters.join(""), [...now]])) return;
  for (const part of about.parts) {
    const counts = {};
    for (const letter of about.letters.slice(part.first, part.last)) counts[letter] = (counts[letter] || 0) + 1;
    const words = Object.entries(counts).map(([letter, count]) => `${count} ${LETTERS[letter]}`).join(", ");
    part.cells.setAttribute("aria-label", `${part.name}, ${part.last - part.first} sectors: ${words}`);
  }
  const wrong = about.letters.filter((letter) => letter === "x").length;
  const at = now.size ? `; being written: ${[...now].slice(-3).map((sector) => hex(sector * about.sector, 6)).join(", ")}` : "";
  $("flash-words").textContent = `${kilobytes(about.flash_size)} in sectors of ${kilobytes(about.sector)}; ${news.status.operations ? news.status.operations.toLocaleString("en") + " operations; " : ""}` +
    `${wrong || "no"} sector${wrong === 1 ? "" : "s"} with a wrong CRC${at}`;
}

// The air

let plotted = [];

function showAir() {
  const canvas = $("air"), ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = 220;
  const now = news.status.now, span = Number($("span").value) || Math.max(now, 1000000), since = now - span;
  const frames = [];
  for (let at = news.cursor - 1; at >= 0 && sights[at] && (sights[at][1] >= since || frames.length < 40); at--)
    if (sights[at][0] === "frame") frames.push(at);
  const inside = frames.filter((at) => sights[at][1] >= since);
  if (!changed("air", [news.history, news.cursor, since, width, ratio, shown.theme])) return;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.body), colour = (name) => style.getPropertyValue("--" + name).trim();
  pen.scale(ratio, ratio);
  pen.font = "11px system-ui, sans-serif";
  const left = 96, lane = (height - 18) / KINDS.length;
  KINDS.forEach((kind, place) => {
    pen.fillStyle = colour("soft");
    pen.fillText(kind, 6, lane * place + lane / 2 + 4);
    pen.fillStyle = colour("line");
    pen.fillRect(left, Math.round(lane * (place + 1)), width - left, 1);
  });
  const x = (time) => left + ((time - since) / span) * (width - left - 8);
  pen.fillStyle = colour("soft");
  for (let tick = 0; tick <= 4; tick++) {
    const time = since + (span * tick) / 4, text = (time / 1e6).toFixed(2);
    if (time >= 0) pen.fillText(text, Math.min(x(time), width - pen.measureText(text).width - 2), height - 4);
  }
  plotted = [];
  for (const at of inside) {
    const [, time, kind, from, , , , lost] = sights[at], place = KINDS.indexOf(kind), px = x(time), py = lane * place + lane / 2;
    plotted.push([px, py, at]);
    pen.fillStyle = pen.strokeStyle = colour(lost ? "red" : from ? "blue" : "orange");
    pen.beginPath();
    if (lost) {
      pen.lineWidth = 2;
      pen.moveTo(px - 4, py - 4); pen.lineTo(px + 4, py + 4); pen.moveTo(px + 4, py - 4); pen.lineTo(px - 4, py + 4);
      pen.stroke();
    } else {
      const tip = from ? -4 : 4;
      pen.moveTo(px, py + tip); pen.lineTo(px - 3.5, py - tip); pen.lineTo(px + 3.5, py - tip);
      pen.fill();
    }
  }
  const counts = {};
  let lost = 0;
  for (const at of inside) { counts[sights[at][2]] = (counts[sights[at][2]] || 0) + 1; lost += sights[at][7]; }
  canvas.setAttribute("aria-label", `${inside.length} frames in ${seconds(span, 0)}: ` +
    (Object.entries(counts).map(([kind, count]) => `${count} ${kind}`).join(", ") || "none") + `; ${lost} lost`);
  if (changed("frames", [news.history, frames[0], frames.length]))
    $("frames").tBodies[0].replaceChildren(...frames.slice(0, 40).map((at) => {
      const [, time, kind, from, length, channel, rssi, gone] = sights[at];
      const button = element("button", {}, kind);
      button.onclick = () => ask("dissect", { sight: at });
      return element("tr", {}, element("td", {}, seconds(time, 6)), element("td", {}, button),
        element("td", { className: from ? "from" : "to" }, from ? "▲ from the device" : "▼ to the device"), element("td", {}, String(length)),
        element("td", {}, String(channel)), element("td", {}, rssi === null ? "" : rssi + " dBm"),
        element("td", { className: "lost" }, gone ? "✕ lost" : ""));
    }));
}

// The network

function showNetwork(status) {
  $("network").closest("section").hidden = !about.live && !status.access_points.length && !sights.some(([kind]) => kind === "event");
  const events = known().filter(([kind]) => kind === "event");
  if (!changed("network", [news.history, events.length, status.access_points, status.leases])) return;
  const open = new Map(), requests = [], told = [];
  let progress = null;
  for (const [, time, name, of] of events) {
    const connection = `${of.client}:${of.client_port}`;
    if (name === "ConnectionOpened") open.set(connection, `${connection} → port ${of.port}, since ${seconds(time)}`);
    if (name === "ConnectionClosed" || name === "ConnectionBroken") open.delete(connection);
    if (name === "HttpRequested") requests.push(`${seconds(time)}  ${of.method} ${of.path}: ${of.status || "no answer"}`);
    if (name === "HttpBodyProgress" || name === "PushProgress") progress = of;
    else if (name.endsWith("BodyDelivered") || name === "PushDelivered") progress = { ...of, acknowledged: of.total };
    if (!["HttpBodyProgress", "PushProgress", "ProbeSeen", "ProbeUnanswered"].includes(name))
      told.push(`${seconds(time)}  ${name}  ${Object.entries(of).map(([key, value]) => `${key} ${value}`).join(", ")}`);
  }
  const list = (title, lines) => [element("h3", {}, title), lines.length ? element("ul", { className: "note" }, ...lines.map((line) => element("li", {}, line))) : element("p", { className: "note" }, "none")];
  const parts = [
    ...list("Access points", status.access_points.map((one) => `“${one.ssid}” on channel ${one.channel}, ${one.online ? "on the air" : "off"}; stations: ${one.stations.join(", ") || "none"}`)),
    ...list("Leases", status.leases.map((one) => `${one.ip} ${one.bound ? "leased" : "offered"} to ${one.mac}, until ${seconds(one.expires, 0)}`)),
    ...list("Connections", [...open.values()]),
    ...list("Requests", requests.slice(-6)),
  ];
  if (progress) {
    const text = `${progress.acknowledged.toLocaleString("en")} of ${progress.total.toLocaleString("en")} bytes have arrived`;
    parts.push(element("h3", {}, "Download"), element("progress", { max: progress.total || 1, value: progress.acknowledged, attributes: { "aria-label": text } }), element("p", { className: "note" }, text));
  }
  parts.push(element("details", { open: Boolean($("network").querySelector("details[open]")) },
    element("summary", { className: "note" }, `All that happened (${told.length})`),
    element("pre", { className: "scroll", tabIndex: 0 }, told.slice(-300).join("\n"))));
  $("network").replaceChildren(...parts);
}

// Faults

function chooseFault() {
  const kind = about.faults.find((one) => one.name === $("kind").value);
  if (!kind) return;
  $("about").textContent = kind.about;
  $("arguments").replaceChildren(...kind.arguments.map((one) => element("label", {}, one.name,
    element("input", { name: one.name, required: one.needed, autocomplete: "off", placeholder: one.needed ? "" : "as usual" }), element("small", {}, one.about))));
  $("moment").value = kind.before_power_on ? "" : "now";
  $("moment").disabled = kind.before_power_on;
  $("at").hidden = true;
}

function faultText() {
  const quoted = (text) => (/^[^,=@"\s:][^,=@"]*$/.test(text) ? text : '"' + text.replace(/\\/g, "\\\\").replace(/"/g, '\\"') + '"');
  const given = [...$("arguments").querySelectorAll("input")].filter((one) => one.value).map((one) => `${one.name}=${quoted(one.value)}`);
  const when = $("moment").value === "at" ? "@" + $("at").value : "";
  return $("kind").value + (given.length ? ":" + given.join(",") : "") + when;
}

function showFaults(status) {
  $("link").textContent = status.access_points.some((one) => one.online) ? "Access point off" : "Access point on";
  if (!changed("faults", [status.faults, status.pending])) return;
  $("faults").replaceChildren(...status.faults.map(([name, count, firings]) => {
    const item = element("li", {}, name, count ? ` fired ${count === 1 ? "once" : count + " times"}` : " has not fired");
    for (const [time, text] of firings.slice(0, 3)) {
      const button = element("button", { title: text }, seconds(time));
      button.onclick = () => go(time);
      item.append(" ", button);
    }
    return item;
  }), ...status.pending.map(([time, text]) => element("li", {}, `${text}, at ${seconds(time)}`)));
}

// Things

const HUES = [[15, "red"], [45, "orange"], [70, "yellow"], [165, "green"], [200, "cyan"], [260, "blue"], [290, "violet"], [345, "magenta"], [360, "red"]];

function colourWords(text) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)), most = Math.max(red, green, blue), range = most - Math.min(red, green, blue);
  if (!most) return "dark";
  const sector = most === red ? (green - blue) / range + 6 : most === green ? (blue - red) / range + 2 : (red - green) / range + 4;
  const hue = range < most / 6 ? "white" : HUES.find(([end]) => (60 * sector) % 360 <= end)[1];
  return `${hue}, ${Math.round(most / 2.55)} % bright`;
}

function look(name, value, coloured) {
  if (typeof value === "boolean") return [element("i", { className: value ? "yes" : "" }), value ? name : "not " + name];
  if (/^#[0-9a-f]{6}$/.test(value)) {
    const swatch = element("i", { className: "colour" });
    swatch.style.background = value;
    return [swatch, `${colourWords(value)} (${value})`];
  }
  if (typeof value === "number") return [coloured ? `${name} ${Math.round(1000 * value) / 10} %` : `${name} ${value}`];
  return [`${name} ${value === null ? "nothing" : JSON.stringify(value)}`];
}

function hand(thing, control, takes) {
  const use = (value) => ask("thing", { thing: thing.name, control, ...(value === undefined ? {} : { value }) });
  const disabled = !news.controls, label = { "aria-label": `${control} ${thing.name}` };
  if (!takes) return element("button", { disabled, onclick: () => use(), attributes: label }, control);
  const field = element("input", { disabled, required: true, autocomplete: "off", attributes: label });
  const form = element("form", {}, field, element("button", { disabled }, control));
  if (takes === "number") {
    Object.assign(field, { type: "number", step: "any" });
    const slider = element("input", { type: "range", step: "any", disabled, attributes: { ...label, "data-slider": "" } });
    slider.oninput = () => { field.value = Math.round(1000 * slider.value) / 1000; };
    slider.onchange = () => use(Number(field.value));
    form.prepend(slider);
  } else field.placeholder = "a text; \\r and \\n end lines";
  form.onsubmit = (event) => {
    event.preventDefault();
    if (takes === "number") return use(Number(field.value));
    use(field.value.replace(/\\([rn\\])/g, (_, letter) => ({ r: "\r", n: "\n" })[letter] || letter));
    field.value = "";
  };
  return form;
}

function showThings(status) {
  $("hands").hidden = !status.things.length;
  if (changed("things", status.things.map(({ looks: _, ...one }) => one)))
    $("things").replaceChildren(...status.things.map((thing) => element("div", { className: "thing" },
      element("h3", {}, thing.name, element("small", {}, `, ${thing.kind} on ${thing.where}`)), element("ul", { className: "looks" }),
      element("div", { className: "hands" }, ...Object.entries(thing.controls).map(([control, takes]) => hand(thing, control, takes))))));
  status.things.forEach(({ name, looks }, place) => {
    if (!changed("thing " + place, [name, looks])) return;
    const panel = $("things").children[place], slider = panel.querySelector("[data-slider]");
    const coloured = Object.values(looks).some((value) => /^#[0-9a-f]{6}$/.test(value)), numbers = Object.values(looks).filter((value) => typeof value === "number");
    panel.querySelector("ul").replaceChildren(...Object.entries(looks).map(([key, value]) => element("li", {}, ...look(key, value, coloured))));
    if (!slider || numbers.length !== 1 || document.activeElement === slider.nextSibling) return;
    const [value] = numbers, digits = 10 ** Math.floor(Math.log10(Math.max(Math.abs(value), 1)));
    slider.max = Math.max(Number(slider.dataset.slider), digits * [2, 5, 10].find((most) => Math.abs(value) < digits * most));
    slider.dataset.slider = slider.max;
    slider.min = value < 0 ? -slider.max : 0;
    slider.value = slider.nextSibling.value = value;
  });
}

// Pins and registers

function showPins(status) {
  $("pins").closest("section").hidden = !status.pins.length;
  if (!changed("pins", [status.pins, pin, news.controls])) return;
  const buttons = $("pins").children;
  status.pins.forEach(([level, by, device], number) => {
    const button = buttons[number] || $("pins").appendChild(element("button", { onclick: () => { pin = pin === number ? null : number; showPins(news.status); } }));
    button.className = `${level ? "high" : ""} ${by === "from outside" ? "driven" : ""}`;
    button.setAttribute("aria-pressed", pin === number);
    button.setAttribute("aria-label", `P${number}: ${level}${by ? ", " + by : ""}${device ? ", " + device : ""}`);
    button.replaceChildren(`P${number} ${level}`, element("small", {}, device || by));
  });
  const row = $("pin");
  if (pin === null || !about.live) return row.replaceChildren(about.live ? "Choose a pin to drive it." : "");
  const act = (text, more) => element("button", { disabled: !news.controls, onclick: () => ask("pin", { pin, ...more }) }, text);
  row.replaceChildren(`P${pin}:`, act("Drive to 0", { level: 0 }), act("Drive to 1", { level: 1 }), act("Let go", { level: null }),
    act("Press (0 for 200 ms)", { level: 0, press: true }));
}

function showRegisters() {
  if (!news.registers || news.registers[0] !== $("block").value) return;
  const [block, rows] = news.registers;
  if (!changed("registers", news.registers)) return;
  const before = (shown.values || {})[block] || {}, values = {};
  $("registers").tBodies[0].replaceChildren(...rows.map(([address, name, value, fields]) => {
    values[name] = value;
    return element("tr", { className: name in before && before[name] !== value ? "changed" : "" }, element("td", {}, address), element("td", {}, name),
      element("td", {}, hex(value)), element("td", {}, Object.entries(fields).map(([field, bits]) => `${field}=${hex(bits, 1)}`).join("  ")));
  }));
  shown.values = { [block]: values };
}

// What is clicked

function go(time, history) {
  if (waiting && history === undefined) { dragging = time; return; }
  waiting = true;
  dragging = null;
  ask("goto", { time: Math.max(0, Math.round(time)), ...(history === undefined ? {} : { history }) });
}

$("run").onclick = () => ask(news.running ? "pause" : "run");
$("speed").onchange = () => ask("speed", { speed: Number($("speed").value) });
$("why").onclick = () => ask("why");
$("debug").onclick = () => ask(news.gdb ? "undebug" : "debug");
$("save").onclick = () => ask("save");
$("scrubber").oninput = () => go(Number($("scrubber").value));
$("cut").onclick = () => ask("cut");
$("cut-flash").onclick = () => ask("cut", { how: $("shape").value });
$("link").onclick = () => ask("link", { on: !news.status.access_points.some((one) => one.online) });
$("kind").onchange = chooseFault;
$("moment").onchange = () => { $("at").hidden = $("moment").value !== "at"; $("at").required = !$("at").hidden; };
$("fault").onsubmit = (event) => { event.preventDefault(); ask("fault", { fault: faultText(), now: $("moment").value === "now" }); };
$("block").onchange = () => { $("registers").tBodies[0].replaceChildren(); ask("watch", { block: $("block").value }); };
$("span").onchange = showAir;
for (const form of document.querySelectorAll("form[data-console]"))
  form.onsubmit = (event) => {
    event.preventDefault();
    const field = form.querySelector("input");
    ask("type", { console: Number(form.dataset.console), text: field.value + "\r" });
    field.value = "";
  };
$("air").onclick = (event) => {
  const box = $("air").getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  let best = null, least = 400;
  for (const [px, py, at] of plotted) {
    const distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance < least) [least, best] = [distance, at];
  }
  if (best !== null) ask("dissect", { sight: best });
};
document.onkeydown = (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, dialog, [tabindex]")) return;
  if (event.key === " " && event.target.closest("button, summary")) return;
  const step = event.shiftKey ? 1000000 : 100000, now = news.status ? news.status.now : 0;
  const keys = {
    " ": () => about.live && $("run").click(), ArrowLeft: () => go(now - step), ArrowRight: () => go(Math.min(now + step, news.end)),
    Home: () => go(0), End: () => go(news.end),
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
};
const redraw = () => { shown.theme = String(matchMedia("(prefers-color-scheme: dark)").matches); if (news.status) showAir(); };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);
connect();
