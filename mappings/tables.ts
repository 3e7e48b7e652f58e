import { readFileSync } from 'node:fs'
import { type Agencies, readAgencies } from './agencies.ts'
import { type Procedures, readProcedures } from './procedures.ts'

/** The tables that differ from province to province. */
export interface Tables extends Agencies, Procedures {}

/** Files to read in place of the demonstration's. */
export interface TablePaths {
  readonly agencies?: string | undefined
  readonly procedures?: string | undefined
}

/** Reads and checks the tables. Throws an Error that names the table and every mistake in it. */
export function loadTables(paths: TablePaths = {}): Tables {
  return {
    ...readAgencies(readFileSync(paths.agencies ?? new URL('./tables/agencies.json', import.meta.url), 'utf8')),
    ...readProcedures(readFileSync(paths.procedures ?? new URL('./tables/procedures.json', import.meta.url), 'utf8')),
  }
}
