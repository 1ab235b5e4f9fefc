/**
 * Finds the browser features that scripts use. The compiler's types tell, for example, whether `toReversed` in
 * `faults.toReversed()` is the method of an array.
 */
import { relative } from "node:path";
import ts from "typescript-5";
import { TREE } from "../tree-files.ts";
import { nameOf, type Use } from "./browsers.ts";

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  allowJs: true,
  checkJs: true,
  jsx: ts.JsxEmit.ReactJSX,
  jsxImportSource: "preact",
  noEmit: true,
  strict: true,
  types: [],
};

/** Kinds of syntax that are newer than 2021, with their names in MDN's data. */
const SYNTAX: readonly [isOne: (node: ts.Node) => boolean, name: string][] = [
  [ts.isClassStaticBlockDeclaration, "javascript classes static initialization_blocks"],
  [(node) => hasPattern(node, /\(\?<[=!]/), "javascript regular_expressions lookbehind_assertion"],
  [(node) => hasPattern(node, /\/[a-z]*v[a-z]*$/), "javascript builtins RegExp unicodeSets"],
  [(node) => hasPattern(node, /\(\?[ims]*-?[ims]+:/), "javascript regular_expressions modifier"],
  [
    (node) => ts.isImportDeclaration(node) && node.attributes !== undefined,
    "javascript statements import import_attributes",
  ],
  [
    (node) => ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Using,
    "javascript statements using",
  ],
];

const hasPattern = (node: ts.Node, pattern: RegExp) => ts.isRegularExpressionLiteral(node) && pattern.test(node.text);

/** The compiler's codes for unknown names and members. They may be features that are too new for the compiler. */
const UNKNOWN = new Set([2304, 2339, 2550, 2551, 2552, 2583]);

export interface Found {
  uses: Use[];
  /** Names that neither MDN's data nor the compiler knows. */
  unknown: Use[];
}

/** Reads scripts. `texts` has the contents of files that do not exist, by their name. */
export function usesOfScripts(files: readonly string[], texts: Readonly<Record<string, string>> = {}): Found {
  const host = ts.createCompilerHost(OPTIONS);
  const { readFile, fileExists } = host;
  host.fileExists = (path) => path in texts || fileExists(path);
  host.readFile = (path) => texts[path] ?? readFile(path);
  const program = ts.createProgram([...files, ...Object.keys(texts)], OPTIONS, host);
  const checker = program.getTypeChecker();
  const found: Found = { uses: [], unknown: [] };

  for (const path of [...files, ...Object.keys(texts)]) {
    const source = program.getSourceFile(path);
    if (source === undefined) throw new Error(`There is no ${path}.`);
    const placeOf = (position: number) =>
      `${relative(TREE, path)}:${source.getLineAndCharacterOfPosition(position).line + 1}`;
    for (const { code, start = 0, messageText } of program.getSemanticDiagnostics(source)) {
      if (UNKNOWN.has(code)) {
        found.unknown.push({ where: placeOf(start), name: ts.flattenDiagnosticMessageText(messageText, " ") });
      }
    }
    const visit = (node: ts.Node): void => {
      const where = placeOf(node.getStart());
      for (const [isOne, name] of SYNTAX) if (isOne(node)) found.uses.push({ where, name });
      const member = ts.isIdentifier(node) ? memberOf(node) : undefined;
      if (member !== undefined) {
        const name = nameOf(...member);
        const [list, use] = name === undefined ? [found.unknown, (member[0] ?? []).join(" ")] : [found.uses, name];
        list.push({ where, name: use });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;

  /** The paths at which MDN's data may list this name. `undefined` if the name is not a browser feature. */
  function memberOf(node: ts.Identifier): string[][] | undefined {
    const { parent } = node;
    if (ts.isTypeNode(parent) || ts.isPropertyAssignment(parent)) return undefined;
    const types = ownersOf(node);
    const symbols =
      types.length === 0 ? [checker.getSymbolAtLocation(node)] : types.map((type) => type.getProperty(node.text));
    const declared = symbols
      .flatMap((symbol) => symbol?.declarations ?? [])
      .filter((one) => program.isSourceFileDefaultLibrary(one.getSourceFile()));
    // Types, and names that the scripts themselves declare, are not browser features.
    if (declared.every((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one))) return undefined;
    if (declared.some(ts.isIndexSignatureDeclaration)) return undefined;
    const isStatic = declared.some(
      ({ parent: holder }) => ts.isTypeLiteralNode(holder) && ts.isVariableDeclaration(holder.parent),
    );
    const names = [...declared.flatMap(ownerOf), ...types.flatMap(namesOf)].map(plain);
    const member = node.text;
    const inside = names.flatMap((name) => [
      ["api", name, isStatic ? `${member}_static` : member],
      ["api", name, member.replace(/^on(\w+)$/, "$1_event")],
      ["javascript", "builtins", name, member],
      ["javascript", "builtins", "Intl", name, member],
    ]);
    if (names.length > 0 && !names.some((name) => /^(globalThis|Window)$/.test(name)))
      return names.some(isExposed) ? inside : undefined;
    const places = [["api"], ["javascript", "builtins"], ["api", "Window"], ["api", "EventTarget"]];
    // A constructor may be newer than its interface.
    const made = ts.isNewExpression(parent) ? places.map((place) => [...place, member, member]) : [];
    return [...made, ...places.map((place) => [...place, member])];
  }

  /** The types from which a member is read: that of the object before the dot, or of the destructured value. */
  function ownersOf(node: ts.Identifier): ts.Type[] {
    const { parent } = node;
    const apart = (type: ts.Type): ts.Type[] => (type.isUnion() ? type.types.flatMap(apart) : [type]);
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
      return apart(checker.getTypeAtLocation(parent.expression)).map((type) => checker.getApparentType(type));
    }
    if (!ts.isBindingElement(parent) || (parent.propertyName ?? parent.name) !== node) return [];
    const { parent: holder } = parent.parent;
    const value = ts.isVariableDeclaration(holder) ? holder.initializer : undefined;
    return apart(checker.getTypeAtLocation(value ?? parent.parent));
  }

  /** The names of an interface and of everything that it inherits from, including mixins. */
  function namesOf(type: ts.Type): string[] {
    const bases = type.isClassOrInterface() ? checker.getBaseTypes(type) : [];
    return [...(type.symbol === undefined ? [] : [type.symbol.name]), ...bases.flatMap(namesOf)];
  }
}

/** The name of the interface, of the constructor or of the namespace that declares a member. */
function ownerOf(declaration: ts.Declaration): string[] {
  const { parent } = declaration;
  if (ts.isInterfaceDeclaration(parent)) return [parent.name.text];
  if (ts.isTypeLiteralNode(parent) && ts.isVariableDeclaration(parent.parent)) return [parent.parent.name.getText()];
  if (ts.isModuleBlock(parent)) return [parent.parent.name.getText()];
  return [];
}

/** Turns TypeScript's name of a type into the specifications' name. */
function plain(name: string): string {
  return name.replace(/Constructor$/, "").replace(/^Readonly(?=Array|Map|Set)/, "");
}

/** Whether MDN has data on a type. It has none on dictionaries, such as the options of `fetch`. */
function isExposed(name: string): boolean {
  return (
    nameOf(["api", name], ["javascript", "builtins", name], ["javascript", "builtins", "Intl", name]) !== undefined
  );
}
