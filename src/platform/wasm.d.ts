/** What wrangler makes of an imported .wasm file: a module, compiled ahead. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
