/** What may be asked of the API, with what, and what it answers: as our OpenAPI document says. Types alone. */

/** @typedef {import("api").paths} Paths */
/** @typedef {import("api").components["schemas"]} Schemas */
/** @typedef {"get" | "post" | "patch" | "delete"} Method */

/**
 * The addresses that know a method.
 * @template {Method} M
 * @typedef {{[P in keyof Paths]: Paths[P][M] extends {responses: any} ? P : never}[keyof Paths]} PathOf
 */

/**
 * What a call takes: values for the names in its address, a query, a body.
 * @template O of an operation
 * @typedef {PartOf<O> & {query?: QueryOf<O>, headers?: Record<string, string>}} Given
 */

/**
 * @template O
 * @typedef {(O extends {parameters: {path: infer N}} ? {path: N} : {path?: undefined}) & (O extends {requestBody: {content: infer C}} ? {body: BodyOf<C>}
 *   : O extends {requestBody?: {content: infer C}} ? {body?: BodyOf<C>} : {body?: undefined})} PartOf
 */

/**
 * Besides what the document says, what an address of ours had behind its `#`: the API says what of it is wrong.
 * @template O
 * @typedef {O extends {parameters: {query?: infer Q}} ? Q | URLSearchParams : undefined} QueryOf
 */

/**
 * @template C
 * @typedef {C extends {"application/json": infer B} ? B | (C extends {"multipart/form-data": any} ? FormData : never) : FormData} BodyOf
 */

/**
 * @template O
 * @typedef {O extends {responses: {200: {content: {"application/json": infer A}}}} ? A
 *   : O extends {responses: {201: {content: {"application/json": infer A}}}} ? A
 *   : O extends {responses: {202: {content: {"application/json": infer A}}}} ? A : null} Answer
 */

export {};
