import { writeComposeSecrets } from './compose-secrets.ts';
import { print } from './print.ts';

print(`The secrets of docker-compose.yml are in ${writeComposeSecrets('.data')}. Next: docker-compose up --build`);
