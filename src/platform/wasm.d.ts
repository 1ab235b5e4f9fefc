/** wrangler compiles an imported .wasm file into a module. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
