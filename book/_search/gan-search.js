/* Search in the sections of the book. The index, GAN_INDEX, is written by book/_ext/gan_search.py.
 *
 * A section's score for a word is its weight in the section's fields times how rare the word is among all sections
 * (BM25, with a field's length taken into account only for its text). The words of a query add up, and what counts most
 * is how many of them a section has at all. A phrase that the authors gave to a section (its alias) decides, where the
 * query says all of it.
 */
"use strict";
{
  const FIELDS = ["url", "title", "page", "text", "names", "alias"];
  const WEIGHT = { title: 5, page: 1.5, text: 1, names: 0.4, alias: 4 };
  const SHOWN = 12;
  const COMMON = new Set(
    (
      "a about after all am an and any are as at be been but by can did do does don for from get had has have how i " +
      "if in into is isn it its me my no not of off on or our over s so t than that the their them then there these " +
      "they this to too up use using was what when where which while who why will with without would you your"
    ).split(" "),
  );

  /** The word without its ending, so that "collapsed", "collapses" and "collapse" are one. */
  function stem(word) {
    if (word.length < 4) return word;
    const bare = word.replace(/ies$/, "y").replace(/(?:sses|zzes)$/, (end) => end.slice(0, -2));
    const short = bare.replace(/(?:ence|ing|ed|es|s|e|ly)$/, (end) => (/ss$/.test(bare) ? end : ""));
    return short.length < 3 ? bare : short;
  }

  /** A text's words in lower case, without accents. */
  function words(text) {
    const letters = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
    return letters.match(/[\p{L}\p{N}]+/gu) ?? [];
  }

  /** The words of a query that say something, in the book's spelling. Common ones count where there are no others. */
  function asked(query) {
    const typed = words(query).flatMap((word) => words(GAN_INDEX.spellings[word] ?? word));
    const telling = typed.filter((word) => !COMMON.has(word));
    return [...new Set((telling.length ? telling : typed).map(stem))];
  }

  const sections = GAN_INDEX.sections.map((row) => {
    const section = Object.fromEntries(FIELDS.map((name, i) => [name, row[i]]));
    section.counts = {};
    for (const name of Object.keys(WEIGHT)) {
      const counts = (section.counts[name] = new Map());
      for (const word of words(section[name]).map(stem)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    section.length = words(section.text).length;
    section.phrases = section.alias ? section.alias.split("; ").map(asked) : [];
    return section;
  });
  const meanLength = sections.reduce((sum, section) => sum + section.length, 0) / sections.length;
  const known = new Map(); // in how many sections each word is
  for (const { counts } of sections) {
    const all = new Set(Object.values(counts).flatMap((field) => [...field.keys()]));
    for (const word of all) known.set(word, (known.get(word) ?? 0) + 1);
  }

  /** Whether two words differ by one letter: changed, left out, added, or two neighbours in the other order. */
  function nearlyEqual(a, b) {
    if (Math.abs(a.length - b.length) > 1) return false;
    let i = 0;
    while (i < a.length && a[i] === b[i]) i++;
    const rest = [a.slice(i + 1) === b.slice(i + 1), a.slice(i + 1) === b.slice(i), a.slice(i) === b.slice(i + 1)];
    return rest.some(Boolean) || (a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2));
  }

  /** The words of the index that a typed word may mean, each with how well it fits. */
  function meant(word) {
    const all = [...known.keys()];
    const found = new Map(known.has(word) ? [[word, 1]] : []);
    const add = (others, share) => others.forEach((other) => found.has(other) || found.set(other, share));
    if (word.length > 2) add(all.filter((other) => other.startsWith(word)), 0.4);
    if (!found.size && word.length > 4) add(all.filter((other) => nearlyEqual(word, other)), 0.5);
    return found;
  }

  /** How well a section fits one word of the query. */
  function fit(section, candidates) {
    let best = 0;
    for (const [word, share] of candidates) {
      let weight = 0;
      for (const [name, factor] of Object.entries(WEIGHT)) {
        const n = section.counts[name].get(word) ?? 0;
        const long = name === "text" ? 0.4 + (0.6 * section.length) / meanLength : 0.5;
        if (n) weight += (factor * (2.2 * n)) / (n + 1.2 * long);
      }
      best = Math.max(best, share * weight * Math.log(1 + sections.length / known.get(word)));
    }
    return best;
  }

  /** The sections that fit a query, the best first. */
  function search(query) {
    const wanted = asked(query);
    const candidates = wanted.map(meant);
    const results = [];
    for (const section of sections) {
      const fits = candidates.map((each) => fit(section, each));
      const share = fits.filter((each) => each > 0).length / wanted.length;
      const said = section.phrases.filter((phrase) => phrase.every((word) => wanted.includes(word)));
      const alias = Math.max(0, ...said.map((phrase) => phrase.length / wanted.length));
      const score = fits.reduce((sum, each) => sum + each, 0) * share ** 2 * (1 + 3 * alias ** 2);
      if (score > 0) results.push({ section, score });
    }
    results.sort((a, b) => b.score - a.score);
    return { words: new Set(candidates.flatMap((each) => [...each.keys()])), results };
  }

  /** A part of a text about its densest place of hits, as nodes, with the hits marked. */
  function snippet(text, hits) {
    const pieces = text.split(/([\p{L}\p{N}]+)/u); // what is between words, and words, in turn
    const stems = pieces.map((piece, i) => (i % 2 ? stem(words(piece).join("")) : ""));
    const span = 60; // 30 words
    let [best, most] = [0, -1];
    for (let start = 0; start < Math.max(1, pieces.length - span / 2); start += 2) {
      if (start && !/[.:?!]["”)]?\s+$/.test(pieces[start])) continue; // begin where a sentence does
      const distinct = new Set(stems.slice(start, start + span).filter((word) => hits.has(word)));
      if (distinct.size > most) [best, most] = [start, distinct.size];
    }
    const from = best ? best + 1 : 0; // without the end of the sentence before
    const shown = pieces.slice(from, best + span);
    const nodes = shown.map((piece, i) => (hits.has(stems[from + i]) ? element("mark", "", piece) : piece));
    return [best ? "… " : "", ...nodes, best + span < pieces.length ? " …" : ""];
  }

  /** An element with a class and children. */
  function element(tag, kind, ...children) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    made.append(...children);
    return made;
  }

  /** A list item that leads to a section. */
  function item({ section }, hits) {
    const link = element("a", "", section.title);
    link.href = section.url;
    const made = element("li", "", link);
    if (section.page !== section.title) made.append(element("p", "where", section.page));
    if (section.text) made.append(element("p", "", ...snippet(section.text, hits)));
    return made;
  }

  /** Show what was found, or where to look instead. */
  function show(query) {
    const place = document.getElementById("search-results");
    const summary = document.getElementById("gan-search-summary");
    place.replaceChildren();
    if (!asked(query).length) {
      summary.textContent = "";
      return;
    }
    const { words: hits, results } = search(query);
    if (results.length) {
      const n = results.length;
      const best = n > SHOWN ? `The best ${SHOWN} of ` : "";
      summary.textContent = `${best}${n} ${n === 1 ? "section" : "sections"} for “${query}”.`;
      const list = element("ul", "gan-results", ...results.slice(0, SHOWN).map((result) => item(result, hits)));
      place.append(list);
      if (n > SHOWN) {
        const more = element("button", "btn gan-more", `Show the other ${n - SHOWN}`);
        more.type = "button";
        more.onclick = () => {
          const others = results.slice(SHOWN).map((result) => item(result, hits));
          list.append(...others);
          more.remove();
          summary.textContent = `${n} sections for “${query}”.`;
          others[0].querySelector("a").focus();
        };
        place.append(more);
      }
      return;
    }
    const glossary = Object.assign(element("a", "", "glossary"), { href: place.dataset.glossary });
    const contents = Object.assign(element("a", "", "table of contents"), { href: place.dataset.contents });
    summary.textContent = `Nothing in the book speaks of “${query}”.`;
    const ways = ["The words of the book are in its ", glossary, "; what its chapters ask is in the ", contents, "."];
    place.append(element("p", "", ...ways));
  }

  const query = new URLSearchParams(location.search).get("q") ?? "";
  for (const field of document.querySelectorAll("form.bd-search input[name=q]")) field.value = query;
  show(query);
  if (!query) document.querySelector("#gan-search input[name=q]")?.focus();
}
