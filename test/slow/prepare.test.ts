import { PreparedStudies, preparationCases } from '../support/prepared-studies';

/* The places that test/integration leaves out. */

let studies: PreparedStudies;
beforeAll(async () => {
  studies = await PreparedStudies.start();
});
afterAll(() => studies.destroy());

describe('at a local site', () => {
  preparationCases('local', 'login', () => studies);
});

describe('on the login node', () => {
  preparationCases('cluster', 'login', () => studies);
});
