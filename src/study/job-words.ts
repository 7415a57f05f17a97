/** What a look at a running job is told as: nothing that a person has to know. */
export const jobRuns = 'the job is running';
