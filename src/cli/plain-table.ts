import stringWidth from 'string-width';

/** A cell is shown as `String` formats it. */
export type Cell = string | number;

/** Between two columns. */
const gap = '  ';

/**
 * Formats a table as lines with aligned columns, without colour or rules, so that it can be piped. Each cell is measured once, so the
 * time is linear in the number of cells.
 * @param rows each has as many cells as the head; a missing cell is empty
 */
export function plainTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [head, ...rows].map((row) =>
    head.map((_, column) => {
      const text = String(row[column] ?? '');
      return { text, width: stringWidth(text) };
    }),
  );
  const widths = head.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, line[column]?.width ?? 0), 0),
  );
  return lines
    .map((line) =>
      line
        .map(({ text, width }, column) => text + ' '.repeat((widths[column] ?? 0) - width))
        .join(gap)
        .trimEnd(),
    )
    .join('\n');
}
