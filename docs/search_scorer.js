/* Ranking of the search: an index entry that is the query, a public name, titles, then other text.

Results of index entries are named after the section that they lead to. */
var Scorer = {
  // of classes and functions, to which objPrio is added: below an index entry that is the query
  objNameMatch: 90,
  objPartialMatch: 12,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,

  score: (result) => {
    const [docname, , anchor, description, score, filename, kind] = result;
    if (kind === "index") {
      result[1] = Scorer.sectionTitle(docname, result[1], anchor, filename);
      return docname.endsWith("glossary") ? score - 1 : score;
    }
    if (kind === "object") return /module|class|function/.test(description) ? score : score - 30;
    if (/^(benchmarks|changelog|developers)/.test(docname)) return score - 6;
    if (kind === "title") return score + 8;
    return docname.startsWith("user_guide") ? score + 2 : score;
  },

  sectionTitle: (docname, title, anchor, filename) => {
    if (!Scorer.sections) {
      Scorer.sections = {};
      for (const [name, places] of Object.entries(Search._index.alltitles))
        for (const [file, id] of places)
          if (id !== null) Scorer.sections[`${Search._index.docnames[file]}#${id}`] = name;
    }
    const section = Scorer.sections[docname + anchor];
    return section === undefined || section === title ? title : `${title} > ${section}`;
  },
};
