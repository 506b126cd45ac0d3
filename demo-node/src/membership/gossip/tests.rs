mod apart;
mod going;
mod together;
