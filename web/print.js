// On paper: the result without the form, in light colours, with the row of every finding, and what was left out.

/** Parts of a finding that are unfolded for paper; the line of a longer list says that it is not printed. */
const PARTS_ON_PAPER = 60;
/** Rows that are printed because they are open on the screen. */
const ROWS_ON_PAPER = 400;

let unfolded = [];

function ontoPaper() {
  if (!answer && !lot) return;
  document.documentElement.classList.add("paper");
  // Browsers print the title, and call the file by it.
  document.title = `${answer ? plain(answer.name) : texts().lot.title(lot.units.length)} – kiwame`;
  if (!answer) return;
  showMap();
  unfolded = Array.from(id("findings").querySelectorAll("details:not([open])")).filter(
    (folded) => folded.querySelectorAll("li").length <= PARTS_ON_PAPER,
  );
  for (const folded of unfolded) folded.open = true;
  printRows();
}

function offPaper() {
  document.documentElement.classList.remove("paper");
  document.title = "kiwame";
  for (const folded of unfolded) folded.open = false;
  unfolded = [];
  id("printed").tBodies[0].replaceChildren();
  if (answer) showMap();
}

/** The rows that are open on the screen, those of the findings that are shown, and those above them. */
function printRows() {
  const wanted = new Set(Array.from(grid.body.rows, (row) => row.node).slice(0, ROWS_ON_PAPER));
  const shown = answer.report.findings.slice(0, id("findings").children.length);
  for (const finding of shown) {
    for (let node = nodeAt(grid.root, finding); node?.region && !wanted.has(node); node = node.parent) wanted.add(node);
  }
  const rows = [];
  const down = ({ children }) => {
    for (const node of children) {
      if (!wanted.has(node)) continue;
      rows.push(paperRow(node));
      down(node);
    }
    const others = children.filter((node) => !wanted.has(node)).length;
    // A row that is closed says by itself that there is more in it.
    if (others > 0 && others < children.length) rows.push(leftOut(children[0].level, others));
  };
  down(grid.root);
  const table = id("printed");
  table.classList.toggle("no-entries", id("tree").classList.contains("no-entries"));
  table.tHead.replaceChildren(id("tree").tHead.rows[0].cloneNode(true));
  for (const cell of [table.tHead.rows[0], ...table.tHead.rows[0].cells]) cell.removeAttribute("role");
  table.tBodies[0].replaceChildren(...rows);
  const all = countRows(grid.root);
  id("printed-rows").textContent = wanted.size < all ? texts().printed.rows(wanted.size, all) : "";
}

function paperRow(node) {
  const row = make("tr");
  cells(row, node);
  row.style.setProperty("--level", String(Math.min(node.level - 1, 20)));
  return row;
}

function leftOut(level, count) {
  const row = make("tr");
  const cell = make("td", texts().printed.others(count), "name left-out");
  cell.colSpan = 6;
  row.style.setProperty("--level", String(Math.min(level - 1, 20)));
  row.append(cell);
  return row;
}

function countRows(root) {
  let count = 0;
  const open = [root];
  for (let node = open.pop(); node; node = open.pop()) {
    count += node.children.length;
    for (const child of node.children) open.push(child);
  }
  return count;
}
