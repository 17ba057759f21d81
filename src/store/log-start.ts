/**
 * The least seq after which the log can be read; `newestSeq` always can be. The log loses only its beginning, so this is a
 * binary search. `lostSeq`: a seq after which the log cannot be read.
 */
export async function logStart(
  lostSeq: number,
  newestSeq: number,
  canReadAfter: (seq: number) => Promise<boolean>,
): Promise<number> {
  let [lost, readable] = [lostSeq, newestSeq];
  while (readable - lost > 1) {
    const middle = Math.floor((lost + readable) / 2);
    if (await canReadAfter(middle)) readable = middle;
    else lost = middle;
  }
  return readable;
}
