import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Relative addresses: the built app can be served from any path.
  base: './',
  // The port that a gateway lets in by itself (ALLOWED_ORIGINS).
  server: { port: 3000, strictPort: true },
  // The library's audio worklets are files of their own, found beside it.
  optimizeDeps: { exclude: ['@talkpath/client'] },
});
