// The region tree as an ARIA treegrid: rows exist only while their parents are open.

/** Regions in pre-order, as nodes that know their parent and children. */
function treeOf(regions) {
  const root = { level: 0, children: [] };
  const stack = [root];
  for (const region of regions) {
    // The image is the region above all others, and its path has no segment of theirs.
    const level = region.path === "image" ? 1 : region.path.split("/").length + 1;
    while (stack.at(-1).level >= level) stack.pop();
    const parent = stack.at(-1);
    const node = { region, level, parent, children: [], open: level === 1 };
    parent.children.push(node);
    stack.push(node);
  }
  return root;
}

/** Drives a table. `cells` fills a row for a node; `chosen` is told which node Enter or a click picked. */
class Treegrid {
  constructor(table, cells, chosen) {
    this.body = table.tBodies[0];
    this.cells = cells;
    this.chosen = chosen;
    this.rows = new Map();
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.click(event));
  }

  show(root) {
    this.root = root;
    this.rows.clear();
    this.body.replaceChildren();
    this.insert(root.children, null);
    const first = this.body.rows[0];
    if (first) first.tabIndex = 0;
  }

  /** Adds rows for these nodes, and for what is open below them, behind `after`. */
  insert(nodes, after) {
    const fragment = document.createDocumentFragment();
    const add = (list) => {
      list.forEach((node, index) => {
        fragment.append(this.row(node, index + 1, list.length));
        if (node.open) add(node.children);
      });
    };
    add(nodes);
    if (after) after.after(fragment);
    else this.body.append(fragment);
  }

  row(node, position, count) {
    const row = document.createElement("tr");
    row.role = "row";
    row.tabIndex = -1;
    row.ariaLevel = String(node.level);
    row.ariaPosInSet = String(position);
    row.ariaSetSize = String(count);
    if (node.children.length > 0) row.ariaExpanded = String(node.open);
    this.cells(row, node);
    for (const cell of row.cells) cell.role = "gridcell";
    row.cells[0].style.paddingInlineStart = `${0.5 + Math.min(node.level - 1, 20) * 1.1}rem`;
    row.node = node;
    this.rows.set(node, row);
    return row;
  }

  toggle(row, open) {
    const node = row.node;
    if (node.children.length === 0 || node.open === open) return;
    if (open) {
      node.open = true;
      this.insert(node.children, row);
    } else {
      while (row.nextElementSibling?.node.level > node.level) {
        this.rows.delete(row.nextElementSibling.node);
        row.nextElementSibling.remove();
      }
      node.open = false;
    }
    row.ariaExpanded = String(open);
  }

  focus(row) {
    if (!row) return;
    for (const other of this.body.querySelectorAll('tr[tabindex="0"]')) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
  }

  click(event) {
    const row = event.target.closest("tr");
    if (!row) return;
    if (event.target.closest(".twist")) this.toggle(row, !row.node.open);
    this.focus(row);
    this.choose(row);
  }

  choose(row) {
    for (const other of this.body.querySelectorAll('[aria-selected="true"]')) other.ariaSelected = null;
    row.ariaSelected = "true";
    this.chosen(row.node);
  }

  key(event) {
    const row = event.target.closest("tr");
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const actions = {
      ArrowDown: () => this.focus(row.nextElementSibling),
      ArrowUp: () => this.focus(row.previousElementSibling),
      ArrowRight: () => (row.node.open ? this.focus(row.nextElementSibling) : this.toggle(row, true)),
      ArrowLeft: () =>
        row.node.open && row.node.children.length > 0 ? this.toggle(row, false) : this.focus(this.rows.get(row.node.parent)),
      Home: () => this.focus(this.body.firstElementChild),
      End: () => this.focus(this.body.lastElementChild),
      Enter: () => this.choose(row),
      " ": () => this.choose(row),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  /** Opens everything above the region of that path and goes there. */
  reveal(path, space) {
    const find = (nodes) => {
      for (const node of nodes) {
        const { region } = node;
        if (region.path === path && region.space === space) return node;
        if (region.path === "image" || path.startsWith(`${region.path}/`)) {
          const below = find(node.children);
          if (below) return below;
        }
      }
      return null;
    };
    const node = find(this.root.children);
    if (!node) return;
    const above = [];
    for (let at = node.parent; at?.region; at = at.parent) above.unshift(at);
    for (const at of above) this.toggle(this.rows.get(at), true);
    this.focus(this.rows.get(node));
    this.choose(this.rows.get(node));
  }
}
