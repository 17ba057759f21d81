import { startStripe } from './stripe-stand-in.ts';

// The stand-in for Stripe as a process of its own: its options are JSON in the first argument.

await startStripe(JSON.parse(process.argv[2] ?? '{}'));
