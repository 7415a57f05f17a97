/** Colours and the like, as wrappers of a site print them even where nobody looks. */
// eslint-disable-next-line no-control-regex
const sequences = /\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)|[ -/]*[0-~])/g;

/** Words of PBS or of a site without what a terminal would obey; lines stay lines. */
export function plainWords(text: string): string {
  return text.replace(sequences, '').replace(/(?:[^\P{Cc}\n]|\p{Cf})+/gu, ' ');
}
