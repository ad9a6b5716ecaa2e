//! Hostile input: cells, headers, names and answers made to break out of where they belong, and secrets in every place
//! where they may get by mistake. What the fuzz targets check is run here too, over fewer inputs.

mod answers;
mod canary;
mod corpus;
mod large;
mod logs;
mod nest;
mod results;
mod screens;
mod sent;
mod sheet;
mod targets;
mod told;
