import { messageOf } from '../process/error-facts.ts';
import { writeComposeSecrets } from './compose-secrets.ts';
import { print } from './print.ts';

try {
  print(
    `The secrets of docker-compose.yml are in ${writeComposeSecrets(process.env.DATA_DIR || '.data')}. Next: docker-compose up --build`,
  );
} catch (error) {
  print(messageOf(error));
  process.exitCode = 1;
}
