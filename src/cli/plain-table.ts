import stringWidth from 'string-width';

/** What `String` shows of a cell. */
export type Cell = string | number;

/** The blanks between two columns. */
const gap = '  ';

/**
 * Rows as lines with aligned columns, the head first. No colour and no rules, so that it can be piped. Each cell is measured once:
 * the time grows with the number of cells.
 * @param rows as many cells each as the head has; a missing one is empty
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
