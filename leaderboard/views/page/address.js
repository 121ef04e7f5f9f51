// -- the address after #: a measure that is open, or how the table is sorted and filtered -------------------------------

const address = () => new URLSearchParams(location.hash.slice(1));

/** Shows another address without a visit to it; empty words leave none. */
function replaceAddress(words) {
  const text = words.toString();
  history.replaceState(null, "", location.pathname + location.search + (text && `#${text}`));
}
