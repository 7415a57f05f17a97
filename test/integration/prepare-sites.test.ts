import { localPlace, pbsPlace, preparationSuite } from '../support/preparation-suite';

/* What `prepare` promises at each kind of site; test/slow has the login node of a PBS site. */

describe('at a local site', () => {
  preparationSuite('login', localPlace);
});

describe('at a job of PBS', () => {
  preparationSuite('job', pbsPlace);
});
