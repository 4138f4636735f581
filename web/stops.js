// Lists of which only one item is in the order of Tab: the one that the focus was in last. Arrows lead to the others.

class Stops {
  /** `items` gives the items that can be reached now; what takes the focus in an item, `inner` finds. */
  constructor(list, items, inner = "button, summary") {
    Object.assign(this, { list, items, inner });
    list.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("focusin", (event) => this.settle(this.items().find((item) => item.contains(event.target))));
  }

  /** Lets Tab stop at this item alone; at the first one where it is none of them any more. */
  settle(current = this.current) {
    const items = this.items();
    this.current = items.includes(current) ? current : items[0];
    for (const stop of this.list.querySelectorAll(this.inner)) stop.tabIndex = this.current?.contains(stop) ? 0 : -1;
  }

  go(item) {
    item?.querySelector(this.inner)?.focus();
  }

  key(event) {
    const items = this.items();
    const at = items.findIndex((item) => item.contains(event.target));
    const next = { ArrowDown: items[at + 1], ArrowUp: items[at - 1], Home: items[0], End: items.at(-1) }[event.key];
    if (at < 0 || !next || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.go(next);
  }
}
