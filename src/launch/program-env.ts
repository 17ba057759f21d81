/** Where programs, certificates and Docker are, and how Node and OpenSSL behave: nothing that is a setting of ours. */
const passedOn =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|TZ|LANG|LC_\w+|NODE_\w+|UV_THREADPOOL_SIZE|SSL_CERT_(FILE|DIR)|DOCKER_\w+|XDG_RUNTIME_DIR)$/;

/** The variables that every program may have. Its settings are added by name, so that a secret reaches only who needs it. */
export const programEnv = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => passedOn.test(name)));
