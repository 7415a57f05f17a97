export { checkAgent } from './check-agent';
export { checkSites } from './check-start';
export { endpointConfigProblems } from './endpoint-schema';
export { keepEndpointSite, type EndpointOptions } from './endpoint-sites';
export { jobsHash, loadJobs, readJob, type LoadedJob, type LoadedJobs } from './job-file';
export { jsonSchemas } from './json-schemas';
export { loadSettings, type SettingsOptions } from './load-settings';
export { parseAdjustment, parseParamsJson, type AdjustmentOptions } from './requests';
export type {
  BlockSettings,
  GlobusAuthSettings,
  GlobusSiteSettings,
  LocalSiteSettings,
  PbsSiteSettings,
  PythonLoginSettings,
  Settings,
  SiteSettings,
  TransportSettings,
} from './settings';
export { loadStudy, parseStudy, readStudy, type LoadedStudy } from './study-file';
export { workingDirectory } from './user-directory';
export type { Place } from './yaml-source';
