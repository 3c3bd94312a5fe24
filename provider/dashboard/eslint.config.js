import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["dist", "node_modules"] },
    js.configs.recommended,
    ...tseslint.configs.recommendedTypeChecked,
    { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
    {
        rules: {
            eqeqeq: "error",
            "max-lines": ["error", 400],
            "no-console": "error",
            complexity: ["error", 14],
            // Text of functions, logs and errors is hostile: it reaches the page as text nodes only.
            "no-restricted-syntax": [
                "error",
                { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "text nodes only" },
                {
                    selector: "MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]",
                    message: "text nodes only",
                },
            ],
            "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
            "@typescript-eslint/switch-exhaustiveness-check": "error",
        },
    },
    { files: ["*.js"], ...tseslint.configs.disableTypeChecked },
);
