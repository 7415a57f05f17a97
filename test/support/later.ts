/**
 * That many milliseconds later, until the test restores its mocks.
 * @param shown by which the clock that people see has gone on (milliseconds)
 */
export function later(milliseconds: number, shown = milliseconds): void {
  const [steady, wall] = [performance.now.bind(performance), Date.now.bind(Date)];
  jest.spyOn(performance, 'now').mockImplementation(() => steady() + milliseconds);
  jest.spyOn(Date, 'now').mockImplementation(() => wall() + shown);
}
