/**
 * One forward step of the schema. Once released, neither `version` nor `sql` changes: databases hold
 * the checksum of the text they were made with.
 */
export interface Migration {
  /** 1, 2, 3, ... without gaps. */
  readonly version: number;
  readonly name: string;
  /** SQLite statements, run in one transaction together with the record that they ran. */
  readonly sql: string;
}
