import { trialsCsv } from '../../src/cli/trial-csv';
import { trial } from './samplers/histories';

test('a parameter or attribute that a trial lacks is an empty field, whatever its name', () => {
  const trials = [
    trial(0, { params: { constructor: 'a,b' }, userAttrs: { toString: [1] }, values: [Infinity] }),
    trial(1, { params: {} }),
  ];
  expect(trialsCsv(trials, ['loss']).split('\r\n')).toEqual([
    'number,state,loss,datetime_start,datetime_complete,params_constructor,user_attrs_toString',
    '0,COMPLETE,Infinity,,,"a,b",[1]',
    '1,RUNNING,,,,,',
    '',
  ]);
});
