/** Whom a withdrawal hits, for who needs nothing else of registration: it loads no cryptography. */
export { isTargetOf, targetsNaming } from "./registration/standing.ts";
export { withdrawnSubjects } from "./registration/withdrawn-subjects.ts";
