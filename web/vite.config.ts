import { defineConfig } from 'vite';

// Fixed names: the binary embeds exactly these files (app/embed_assets.py), and no page asks for anything else.
export default defineConfig({
  base: './',
  build: {
    target: 'es2020',
    modulePreload: false,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/app.js',
        assetFileNames: 'assets/[name][extname]',
        inlineDynamicImports: true,
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:9090' } },
});
