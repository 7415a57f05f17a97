/**
 * Forbids a spread list in the arguments of a call. Each item becomes an argument on the stack, and from about 125,000 items on the
 * call fails with "Maximum call stack size exceeded". Allowed are lists whose length is limited by their type: tuples, array
 * literals, and the rest parameters of a generic wrapper (`(...args: Args) => work(...args)`, `(...args: Parameters<F>) => …`).
 * @type {import('eslint').Rule.RuleModule}
 */
export const noUnboundedSpread = {
  meta: {
    type: 'problem',
    messages: {
      spread:
        "this call fails where '{{list}}' has more than about 125,000 items: use `appendAll`, `largest` or `smallest` of src/study/lists.ts, or a loop",
    },
    schema: [],
  },
  create(context) {
    const { parserServices } = context.sourceCode;
    const checker = parserServices.program.getTypeChecker();
    const isBounded = (argument) => {
      if (argument.type === 'ArrayExpression')
        return argument.elements.every((one) => one?.type !== 'SpreadElement' || isBounded(one.argument));
      const type = parserServices.getTypeAtLocation(argument);
      return (type.isUnion() ? type.types : [type]).every(
        (one) =>
          checker.isTupleType(one) || one.isTypeParameter() || one.aliasSymbol?.getName() === 'Parameters',
      );
    };
    return {
      ':matches(CallExpression, NewExpression) > SpreadElement.arguments'({ argument }) {
        if (isBounded(argument)) return;
        const list = context.sourceCode.getText(argument).slice(0, 40);
        context.report({ node: argument, messageId: 'spread', data: { list } });
      },
    };
  },
};
