/** The size assumed for a variable dimension other than an input's first one, where one must be made up: to
 *  predict a model's memory, and for the runs that end its load. */
export const variableDimension = 16;
