// The region tree as an ARIA treegrid: rows exist only while their parents are open.

/**
 * Regions in pre-order, as nodes that know their parent and children. A node shows its region and what `fold` adds to
 * it; `nodes` finds the nodes of a path. What a manifest lists are the parts that it measures: the steps above them,
 * which it leaves out, are nodes all the same.
 */
function treeOf(regions) {
  const root = { level: 0, parts: [], children: [], nodes: new Map() };
  const stack = [root];
  const push = (region) => {
    const parent = stack.at(-1);
    const node = { region, parent, parts: [region], children: [], open: parent === root };
    parent.children.push(node);
    stack.push(node);
  };
  for (const region of regions) {
    const { path } = region;
    while (stack.length > 1 && !isAbove(stack.at(-1).region.path, path)) stack.pop();
    // The image is the region above all others, and its path has no segment of theirs.
    if (stack.length === 1 && path !== "image") push(implied("image"));
    const missing = path === "image" ? [] : stepsAbove(path, stack.at(-1).region.path);
    for (const above of missing) push(implied(above));
    push(region);
  }
  settle(root, root.nodes);
  return root;
}

const isAbove = (above, path) => (above === "image" ? path !== above : path[above.length] === "/" && path.startsWith(above));

const stepOf = (path) => path.slice(path.lastIndexOf("/") + 1);

/** The paths between one and another above it. */
function stepsAbove(path, above) {
  const steps = [];
  const start = above === "image" ? 0 : above.length + 1;
  for (let at = path.indexOf("/", start); at >= 0; at = path.indexOf("/", at + 1)) steps.push(path.slice(0, at));
  return steps;
}

const implied = (path) => ({ path, kind: stepOf(path).split(":")[0], attributes: {}, implied: true });

/** The classes from good to bad, as the core orders them. */
const WORSE = ["matched", "opened", "fill", "mutable", "remains", "unread", "parsed", "unexplained", "differs"];

const OPENED = 1 << WORSE.indexOf("opened");

/** Folds, counts levels, enters every region under its path, and sums up the classes of what is below. */
function settle(node, nodes) {
  for (const child of node.children) {
    fold(child);
    child.parent = node;
    child.level = node.level + 1;
    for (const { path } of child.parts) {
      const others = nodes.get(path);
      if (others) others.push(child);
      else nodes.set(path, [child]);
    }
    settle(child, nodes);
  }
  adoptName(node);
  // One bit for each class, the worst one highest.
  node.classes = 0;
  for (const part of node.parts) if (part.class) node.classes |= 1 << WORSE.indexOf(part.class);
  for (const child of node.children) node.classes |= child.classes;
  // What was opened is what is inside.
  if (node.classes & ~OPENED) node.classes &= ~OPENED;
}

/**
 * Levels of which there is nothing to say that their own row would need are shown on the row above: what a region
 * decodes to, what a directory says of itself, and the one piece that all of a decoded content is.
 */
function fold(node) {
  const take = () => {
    const [child, ...others] = node.children;
    node.children = child.children.concat(others);
    node.parts.push(child.region);
    return child.region;
  };
  const single = () => (node.children.length === 1 ? node.children[0] : undefined);
  let decoded;
  if (single() && stepOf(single().region.path).startsWith("decoded:")) decoded = take();
  const first = node.children[0];
  if (first?.children.length === 0 && stepOf(first.region.path).endsWith(":self")) {
    const own = take();
    if (node.region.implied && isEntry(own)) node.region.kind = own.kind;
  }
  const whole = decoded && single();
  if (whole && whole.children.length === 0 && whole.region.space !== node.region.space) {
    const { name, guid, length, attributes } = whole.region;
    const says = (name !== undefined && name !== node.region.name) || guid !== undefined || Object.keys(attributes).length > 0;
    if (!says && (decoded.implied || length === decoded.length)) take();
  }
}

/** A manifest gives parts without a name that of the region around them; where that is not listed, it is found there. */
function adoptName(node) {
  const first = node.children[0]?.region;
  if (!node.region?.implied || first?.name === undefined || first.implied) return;
  const { key } = keyOf(first);
  const own = readable(key).endsWith(stepOf(first.name)) || /^[0-9A-F]{8}-/.test(key);
  if (!own) node.region.name = first.name;
}

/** The node of a region; where there is none any more, the nearest one around it. */
function nodeAt(root, { path, space, offset }) {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    const nodes = root.nodes.get(at) ?? [];
    const same = (node) => node.parts.some((part) => part.path === at && part.space === space && part.offset === offset);
    const node = nodes.find(same) ?? nodes[0];
    if (node) return node;
  }
  return root.children[0];
}

/** Drives a table. `cells` fills a row for a node; `chosen` is told which node, and its row, Enter or a click picked. */
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
    this.fill(row, node);
    row.style.setProperty("--level", String(Math.min(node.level - 1, 20)));
    row.node = node;
    this.rows.set(node, row);
    return row;
  }

  /** The same rows in the language of the moment. */
  redraw() {
    for (const [node, row] of this.rows) {
      row.replaceChildren();
      this.fill(row, node);
    }
  }

  fill(row, node) {
    this.cells(row, node);
    for (const cell of row.cells) cell.role = "gridcell";
  }

  chosenRow() {
    return this.body.querySelector('[aria-selected="true"]');
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
    const other = this.chosenRow();
    if (other) other.ariaSelected = null;
    row.ariaSelected = "true";
    this.chosen(row.node, row);
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

  /** Opens everything above a node and goes there. */
  reveal(node) {
    if (!node) return;
    const above = [];
    for (let at = node.parent; at?.region; at = at.parent) above.unshift(at);
    for (const at of above) this.toggle(this.rows.get(at), true);
    this.focus(this.rows.get(node));
    this.choose(this.rows.get(node));
  }
}
