import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** The hooks are tested with the newest React and with the oldest they support. */
const react = (version, alias) => ({
  extends: true,
  resolve: { alias },
  test: { name: `react ${version}`, environment: 'jsdom', include: ['tests/client/web/react/*.test.jsx'] },
});

export default defineConfig({
  esbuild: { jsx: 'automatic' },
  test: {
    // Otherwise it would load a React of its own.
    server: { deps: { inline: ['@testing-library/react'] } },
    projects: [
      { extends: true, test: { name: 'library', include: ['tests/client/web/lib/*.test.js'] } },
      { extends: true, test: { name: 'dashboard', include: ['tests/client/web/dashboard/*.test.js'] } },
      react(19, {}),
      react(18, {
        react: path('./tests/client/web/react18/node_modules/react'),
        'react-dom': path('./tests/client/web/react18/node_modules/react-dom'),
        // Its modules for bundlers follow an alias, those for Node do not.
        '@testing-library/react': path('./node_modules/@testing-library/react/dist/@testing-library/react.esm.js'),
      }),
    ],
  },
});
