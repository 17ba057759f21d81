/** Seeds whose histories of commands on single seats once broke a rule, with the reason. */
export const pinnedSeeds: readonly { seed: number; why: string }[] = [
  { seed: 20001, why: 'the venue was half opened when the store went, and never opened again' },
  { seed: 20007, why: 'as above, with other faults' },
  { seed: 20003, why: "after the store's clock was set back, the end of a hold was asked for without a pause" },
  { seed: 20011, why: 'as above, with other faults' },
  { seed: 20038, why: 'where the log was trimmed, what others had not published yet counted as relayed' },
  { seed: 21124, why: 'as above, with other faults' },
  { seed: 20257, why: "after the store's clock was set back, nothing was repaired until it had caught up" },
  { seed: 364, why: 'a read waited for an opening that had begun before it, and missed what came between' },
  { seed: 23366, why: 'as above, with other faults' },
  { seed: 3475, why: 'a process that was ending read from a venue that was no more, as if it were confirmed' },
  { seed: 21228, why: 'one who knew more met an older copy, which then caught up before the epoch was ended' },
  { seed: 23599, why: 'as above, with other faults' },
  { seed: 183072367, why: "the store's clock leapt over the answers it keeps, and a command was decided again" },
  { seed: 183084493, why: 'as above, with other faults' },
  { seed: 219523597, why: 'as above; the try decided again came late, after the answer to another' },
  {
    seed: 500001557,
    why: 'an edge left an epoch for an ended one, of which a process told that had no word of the store',
  },
  { seed: 600001725, why: 'as above, with other faults' },
  { seed: 432001228, why: 'an edge asked about a new epoch once, and a process answered that was behind' },
  { seed: 494094679, why: 'two requests of one user could have made the same change, and only one way was tried' },
  {
    seed: 504298573,
    why: 'a read that named an epoch was not repeated in the copy, whose epochs then had other names',
  },
  { seed: 519105957, why: 'the clock leapt, and one seat of an extended group had a hold that ended later' },
  {
    seed: 6331,
    why: 'while the store did not reply, the end of a hold was asked for twice a second, and all of it came at once',
  },
];
