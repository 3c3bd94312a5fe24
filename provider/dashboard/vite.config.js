import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompress, constants, gzip } from "node:zlib";
import { promisify } from "node:util";
import { defineConfig } from "vite";

const COMPRESSIBLE = /\.(js|css|html|svg)$/;
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };

/** Beside each text file its .br and .gz: the service sends what the browser takes. */
function precompressed() {
    let folder = "";
    return {
        name: "precompressed",
        apply: "build",
        configResolved: (config) => {
            folder = join(config.root, config.build.outDir);
        },
        closeBundle: async () => {
            const names = await readdir(folder, { recursive: true });
            await Promise.all(
                names.filter((name) => COMPRESSIBLE.test(name)).map((name) => compress(join(folder, name))),
            );
        },
    };
}

async function compress(file) {
    const content = await readFile(file);
    await writeFile(`${file}.br`, await promisify(brotliCompress)(content, BROTLI));
    await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
}

export default defineConfig({
    base: "/dashboard/",
    plugins: [precompressed()],
    build: {
        target: "es2022",
        assetsInlineLimit: 0, // data: URLs would need a wider content security policy
        modulePreload: { polyfill: false },
        chunkSizeWarningLimit: 700, // the editor, loaded when it is first shown
    },
});
