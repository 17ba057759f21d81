/** The build bundles Lua files as text. */
declare module '*.lua' {
  const source: string;
  export default source;
}
