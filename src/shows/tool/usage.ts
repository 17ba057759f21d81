export const usage = `npm run shows -- COMMAND
npm run -s shows -- COMMAND > shows/NAME.json      (-s: without it, npm writes two lines of its own)

check [SHOW …]                   what is wrong with show files (all of the folder), and what is on sale
  --against OLD                  what one changed file does, compared with its older version
  --server URL                   the same, compared with a running server: whether it would refuse the change now
import PLAN.json                 a show file from a seating plan of pretix's editor
export SHOW                      the seating plan of a show for pretix's editor
generate --rows N --seats N      a show file with one section of regular rows
  --seats-step N                 how many seats more each further row has
  --aisle-after N                an aisle after N seats from the left; may be repeated
  --curved  --distance N         rows that are arcs; distance of the first one from the stage (60; seats are 20 apart)
  --name, --section, --category TEXT   --starts-at TIME
  --currency EUR --price adult=4500    in minor units; one --price for each ticket type
  --inline                       lists every seat, to be changed by hand
schema                           the JSON Schema of show files
measure SHOW                     time and memory that shows cost on this machine

SHOW is the path of a file, or the id of a show: its file is SHOW.json in SHOWS_DIR (shows). "main" is built in.
Exit code 0, or 1 if something is wrong. docs/shows.md explains the format.`;
