import { fewSessionsSuite } from '../support/few-sessions-suite';

fewSessionsSuite('openssh');
