/** Variables of the system, Docker, Node and OpenSSL; none of our settings. */
const passedOn =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|TZ|LANG|LC_\w+|NODE_\w+|UV_THREADPOOL_SIZE|SSL_CERT_(FILE|DIR)|DOCKER_\w+|XDG_RUNTIME_DIR)$/;

/** The variables that every program gets. Settings are added by name, so that a secret reaches only the processes that need it. */
export const programEnv = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => passedOn.test(name)));
