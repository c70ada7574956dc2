"use strict";
(() => {
  const CHUNK = 100; // rows that are made at a time
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const texts = data.texts;
  const stateKeys = Object.keys(data.states);

  // --- light and dark

  const themes = ["system", "light", "dark"];
  let theme = "system";
  try { theme = localStorage.getItem("pixelmint-theme") || theme; } catch { /* not allowed: not kept */ }
  function dress(name) {
    theme = themes.includes(name) ? name : "system";
    document.documentElement.dataset.theme = theme;
    at("theme").textContent = `Theme: ${theme}`;
  }
  at("theme").hidden = false;
  at("theme").addEventListener("click", () => {
    dress(themes[(themes.indexOf(theme) + 1) % themes.length]);
    try { localStorage.setItem("pixelmint-theme", theme); } catch { /* not allowed: not kept */ }
  });
  dress(theme);
  if (!at("rows")) return; // nothing is known yet

  // --- the pixels

  const when = (s) => s && new Date(s * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
  const days = (age) => age < 0 ? "" : age < 10 ? `${age.toFixed(1)} d` : `${Math.floor(age)} d`;
  const pixels = data.rows.map((row) => {
    const [pixel, print, name, account, profile, state, generated, stored, verified, verifiedAt,
      delivered, outcome, code, message, next, owed, says] = row;
    const one = {
      pixel, print, name, generated, verified, verifiedAt,
      account: texts[account], profile: texts[profile], state: texts[state], stored: texts[stored],
      delivered: texts[delivered], outcome: texts[outcome], code: texts[code],
      message: texts[message], next: texts[next], owed: texts[owed], says: texts[says],
      age: generated ? Math.max(0, (data.now - generated) / 86400) : -1,
    };
    one.rank = stateKeys.indexOf(one.state);
    one.hay = [pixel, name, "account:" + one.account, "profile:" + one.profile, "state:" + one.state,
      data.states[one.state], "code:" + one.code, print, "store:" + one.stored, one.delivered,
      one.outcome, one.message, one.owed].join("\n").toLowerCase();
    return one;
  });

  // --- the wall

  const wall = at("wall");
  const tip = at("tip");
  const walled = [];
  for (const one of [...pixels].sort((a, b) => a.account < b.account ? -1 : a.account > b.account ? 1 : b.age - a.age)) {
    const last = walled.at(-1);
    if (last && last.account !== one.account && pixels.length < 3000) walled.push(undefined); // a gap
    walled.push(one);
  }
  let cell = 0, columns = 0;
  function build() {
    const width = wall.clientWidth, high = 132;
    if (!width) return;
    cell = 20;
    while (cell > 3 && Math.ceil(walled.length / Math.floor(width / cell)) * cell > high) cell -= 1;
    columns = Math.floor(width / cell);
    const gap = cell > 12 ? 3 : cell > 5 ? 2 : 1;
    const paths = {};
    walled.forEach((one, i) => {
      if (!one) return;
      const x = (i % columns) * cell, y = Math.floor(i / columns) * cell, side = cell - gap;
      (paths[one.state] ||= []).push(`M${x} ${y}h${side}v${side}h-${side}z`);
    });
    const tall = Math.ceil(walled.length / columns) * cell;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("height", tall);
    svg.setAttribute("viewBox", `0 0 ${width} ${tall}`);
    for (const [state, parts] of Object.entries(paths)) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", parts.join(""));
      path.setAttribute("class", `s-${state}`);
      svg.append(path);
    }
    wall.replaceChildren(svg);
  }
  function under(event) {
    const box = wall.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) / cell), y = Math.floor((event.clientY - box.top) / cell);
    return x < columns ? walled[y * columns + x] : undefined;
  }
  wall.addEventListener("mousemove", (event) => {
    const one = under(event);
    tip.hidden = !one;
    if (!one) return;
    tip.textContent = [one.pixel, one.name, data.states[one.state], days(one.age)].filter(Boolean).join(" · ");
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 18}px`;
  });
  wall.addEventListener("mouseleave", () => { tip.hidden = true; });
  wall.addEventListener("click", (event) => { const one = under(event); if (one) ask(one.pixel, true); });
  new ResizeObserver(build).observe(wall);

  // --- the table

  const body = at("rows"), model = at("row").content.firstElementChild;
  const compare = (key) => (a, b) => a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0;
  const sorts = {
    pixel: compare("pixel"), account: compare("account"), age: compare("age"), print: compare("print"),
    stored: compare("stored"), verified: compare("verified"), delivered: compare("delivered"),
    state: (a, b) => a.rank - b.rank || b.age - a.age,
  };
  let order = "state", back = false, wanted = "", shown = [], made = 0;
  let sorted = [...pixels].sort(sorts.state);

  function line(one) {
    const row = model.cloneNode(true), cells = row.children;
    const opener = cells[0].firstElementChild;
    opener.textContent = one.pixel;
    cells[0].lastElementChild.textContent = one.name;
    row.classList.add(`s-${one.state}`);
    const [, label, small] = cells[1].children;
    label.textContent = data.states[one.state];
    small.textContent = one.code || (data.pressing.includes(one.state) ? "" : one.outcome);
    const put = (index, text) => {
      cells[index].textContent = text || "–";
      cells[index].toggleAttribute("data-empty", !text);
    };
    put(2, one.account);
    if (one.age < 0) put(3, "");
    else {
      cells[3].title = when(one.generated);
      cells[3].firstElementChild.textContent = days(one.age);
      cells[3].lastElementChild.firstElementChild.style.width = `${Math.min(100, 100 * one.age / data.limit)}%`;
    }
    put(4, one.print);
    put(5, one.stored);
    put(6, one.verified === 1 ? "yes" : one.verified === 0 ? "no" : "");
    if (one.verified === 0) cells[6].classList.add("bad");
    cells[6].title = when(one.verifiedAt) || "";
    put(7, one.delivered || (one.owed && "no"));
    if (one.owed) cells[7].classList.add("bad");
    row.one = one;
    return row;
  }
  function grow(least = CHUNK) {
    const until = Math.min(shown.length, made + Math.max(least, CHUNK));
    if (made === until) return;
    const part = document.createDocumentFragment();
    for (; made < until; made += 1) part.append(line(shown[made]));
    body.append(part);
  }
  function show() {
    const words = at("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = sorted.filter((one) => (!wanted || one.state === wanted) && words.every((word) => one.hay.includes(word)));
    made = 0;
    body.replaceChildren();
    grow();
    const all = pixels.length.toLocaleString("en");
    at("shown").textContent = shown.length === pixels.length ? `${all} pixels` : `${shown.length.toLocaleString("en")} of ${all} pixels`;
    at("nothing").hidden = shown.length > 0;
    at("table").hidden = shown.length === 0;
  }
  function sort(key, reverse) {
    order = key; back = reverse;
    sorted = [...pixels].sort(sorts[key]);
    if (back) sorted.reverse();
    for (const button of document.querySelectorAll("[data-sort]")) {
      const head = button.parentElement;
      if (button.dataset.sort === key) head.setAttribute("aria-sort", back ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    at("by").value = key;
    show();
  }
  function only(state) {
    wanted = state;
    for (const chip of at("chips").children) chip.setAttribute("aria-pressed", String(chip.dataset.state === state));
  }
  function ask(query, go) {
    const state = /^state:(\w+)$/.exec(query);
    only(state ? state[1] : "");
    at("find").value = state ? "" : query;
    show();
    if (go) { at("pixels").scrollIntoView(); body.querySelector(".open")?.focus({ preventScroll: true }); }
  }
  function open(row) {
    const opener = row.querySelector(".open"), next = row.nextElementSibling;
    const isOpen = opener.getAttribute("aria-expanded") === "true";
    opener.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) { next.remove(); return; }
    const one = row.one, more = document.createElement("tr"), cell_ = document.createElement("td");
    const list = document.createElement("dl");
    const facts = {
      "what happened": one.message, "next": one.next, "last outcome": one.outcome + (one.code && ` (${one.code})`),
      "token shown": when(one.generated), "verified": when(one.verifiedAt), "Events API": one.says, "owed to": one.owed, "profile": one.profile,
    };
    for (const [name, text] of Object.entries(facts)) {
      if (!text) continue;
      const term = document.createElement("dt"), value = document.createElement("dd");
      term.textContent = name;
      value.textContent = text;
      list.append(term, value);
    }
    more.className = "more"; more.setAttribute("role", "row");
    cell_.colSpan = 8; cell_.setAttribute("role", "cell");
    cell_.append(list); more.append(cell_); row.after(more);
  }

  at("tools").hidden = false;
  at("find").addEventListener("input", show);
  at("clear").addEventListener("click", () => { ask(""); at("find").focus(); });
  at("chips").addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (chip) { only(wanted === chip.dataset.state ? "" : chip.dataset.state); show(); }
  });
  for (const button of document.querySelectorAll("[data-sort]")) {
    const key = button.dataset.sort;
    at("by").append(new Option(button.textContent, key));
    button.addEventListener("click", () => sort(key, order === key ? !back : key === "age"));
  }
  at("by").addEventListener("change", (event) => sort(event.target.value, event.target.value === "age"));
  for (const link of document.querySelectorAll("[data-query]")) {
    link.addEventListener("click", (event) => { event.preventDefault(); ask(link.dataset.query, true); });
  }
  body.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row && !String(getSelection())) open(row);
  });
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) grow(); }, { rootMargin: "900px" }).observe(at("end"));
  // Paper has no end to scroll to.
  matchMedia("print").addEventListener("change", (event) => { if (event.matches) grow(Infinity); });
  addEventListener("beforeprint", () => grow(Infinity));

  // --- the keyboard

  function step(by) {
    const rows = body.querySelectorAll(".row"), current = document.activeElement?.closest?.(".row, .more");
    const here = current && (current.matches(".row") ? current : current.previousElementSibling);
    let index = here ? [...rows].indexOf(here) + by : 0;
    if (index < 0) { at("find").focus(); return; }
    if (index >= rows.length) grow();
    index = Math.min(index, body.querySelectorAll(".row").length - 1);
    body.querySelectorAll(".row")[index]?.querySelector(".open").focus();
  }
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const find = at("find"), typing = event.target.matches("input, select, textarea");
    const inTable = body.contains(event.target) || event.target === find;
    if (event.key === "/" && !typing) find.focus();
    else if (event.key === "Escape") {
      if (find.value || wanted) ask("");
      else if (event.target === find) find.blur();
      else return;
    } else if ((event.key === "j" && !typing) || (event.key === "ArrowDown" && inTable)) step(1);
    else if ((event.key === "k" && !typing) || (event.key === "ArrowUp" && inTable)) step(-1);
    else return;
    event.preventDefault();
  });

  sort("state", false);
})();
