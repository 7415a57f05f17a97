/** Values for variables, as bash reads them. */
const values: Readonly<Record<string, string>> = {
  DQ: `'say "hi"'`,
  SQ: `"it's"`,
  BS: String.raw`'C:\temp\new\'`,
  BSQ: String.raw`"a\\'b"`,
  NL: String.raw`$'line1\nline2'`,
  TAB: String.raw`$'a\tb'`,
  UNI: `'héllo→世界🚀'`,
  COMMA: 'a,b',
  EQ: 'a=b',
  CTRL: String.raw`$'\x01\x1b[31mred'`,
  LEAD0: '005',
  BIG: '12345678901234567890123',
  EXP: '1e5',
  NEG: '-7',
  FLT: '1.50',
  HEXF: '0x1F',
  NAN: 'nan',
  INF: 'inf',
  TRUE: 'true',
  NUL: 'null',
  EMPTY: `''`,
  JSON: `'{"a":[1,2]}'`,
  PCT: `'100%s'`,
  LAT1: String.raw`$'\xe9t\xe9'`,
  SLASH: 'a/b',
  TRAIL: String.raw`'x\'`,
};

const names = [
  ...[
    `a"b`,
    `a'b`,
    String.raw`a\b`,
    'a,b',
    'a:b',
    'a+b',
    'a=b',
    'ünï',
    '世界',
    '1234',
    '007',
    '1e5',
    'true',
    'null',
  ],
  ...['a%b', 'a@b', '.dot', '_u', '-x', 'a;b', 'a[1]', 'a/b'],
];

/** What was submitted with something odd in it, by the names that the recordings give it, in the order of submission. */
export const oddSubmissions: ReadonlyMap<string, string> = new Map([
  ...Object.entries(values).map(
    ([name, value]) => [`var-${name}`, `${name}=${value} qsub -h -N odd-${name} -v ${name} ok.pbs`] as const,
  ),
  ['bashfunc-V', 'f() { echo; echo; }; export -f f; qsub -h -N odd-V -V ok.pbs'],
  ...names.map((name) => [`name:${name}`, `qsub -h -N '${name.replaceAll("'", `'\\''`)}' ok.pbs`] as const),
  ['acct-quote', String.raw`qsub -h -N acctq -A 'pro"j\x' ok.pbs`],
  ['out-space', `qsub -h -N outsp -o "$HOME/"'a b "c".txt' ok.pbs`],
  ['args', String.raw`qsub -h -N args -- /bin/echo 'a "b" \c' "d'e" '<x>&y'`],
  ['directive-v', 'qsub directive.pbs'],
]);
