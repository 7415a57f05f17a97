/*
 * Every new stream, child process, server and socket has to be passed to `handleErrors` at once: without a listener, an `error`
 * event ends the process. The rule finds emitters by their types.
 */

/** Emitters that emit no `error` event on their own: `update` and `final` of hashes and ciphers throw instead. */
const harmless = new Set(['Interface', 'Logger', 'Hash', 'Hmac', 'CipherGCM', 'DecipherGCM']);

/** @type {import('eslint').Rule.RuleModule} */
export const handleErrorsRule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      unhandled:
        'an `error` event of this emitter would end the process: wrap it in handleErrors(…, onError)',
    },
  },
  create(context) {
    const { program, esTreeNodeToTSNodeMap, getTypeAtLocation } = context.sourceCode.parserServices;
    const checker = program.getTypeChecker();
    const isEmitter = (type) => {
      if (harmless.has((type.aliasSymbol ?? type.getSymbol())?.getName() ?? '')) return false;
      if (type.types?.some(isEmitter) === true) return true;
      const has = (name) => type.getProperty(name) !== undefined;
      return ['on', 'once', 'emit', 'removeListener'].every(has) && !has('then');
    };
    const isHandled = ({ parent }) =>
      parent.type === 'TSAsExpression'
        ? isHandled(parent)
        : parent.type === 'CallExpression' && parent.callee.name === 'handleErrors';
    const check = (node) => {
      if (isHandled(node) || !isEmitter(getTypeAtLocation(node))) return;
      const { callee } = node;
      // `emitter.on(…)` returns the emitter itself, or one that its own errors end.
      if (callee.type === 'MemberExpression' && isEmitter(getTypeAtLocation(callee.object))) return;
      // A function of this project has handled them already.
      const { declaration } = checker.getResolvedSignature(esTreeNodeToTSNodeMap.get(node)) ?? {};
      if (declaration !== undefined && !declaration.getSourceFile().isDeclarationFile) return;
      context.report({ node, messageId: 'unhandled' });
    };
    return { CallExpression: check, NewExpression: check };
  },
};
